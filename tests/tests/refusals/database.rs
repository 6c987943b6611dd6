//! The relay's database, read beside the running relay: what it keeps, table by table.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{Row as _, SqlitePool, sqlite::SqliteConnectOptions};
use wardline_proto::{ConversationId, Digest};

/// A digest of every row of each table.
pub(crate) type Content = BTreeMap<String, Digest>;

/// The database, read-only.
pub(crate) struct Database {
    pool: SqlitePool,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Self { pool: SqlitePool::connect_with(options).await.expect("a database") }
    }

    /// Everything that is in it now, but for the columns that are noted once a minute: when a device was last connected, and with which software.
    pub(crate) async fn content(&self) -> Content {
        // One transaction: one view of all tables.
        let mut tx = self.pool.begin().await.expect("a transaction");
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('period_secrets', 'passes')";
        let tables = sqlx::query(tables).fetch_all(&mut *tx).await.expect("tables");
        let mut content = Content::new();
        for table in tables {
            let table: String = table.get(0);
            let columns = format!(
                "SELECT name FROM pragma_table_info('{table}') WHERE name NOT IN ('last_seen_at', 'software')"
            );
            let columns =
                sqlx::query(sqlx::AssertSqlSafe(columns)).fetch_all(&mut *tx).await.expect("columns");
            let quoted: Vec<String> =
                columns.iter().map(|column| format!("quote(\"{}\")", column.get::<String, _>(0))).collect();
            let rows = format!("SELECT {} FROM \"{table}\" ORDER BY 1", quoted.join(" || ',' || "));
            let rows = sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_all(&mut *tx).await.expect("rows");
            let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            content.insert(table, Digest::of(lines.join("\n").as_bytes()));
        }
        assert!(content.len() >= 10, "these are not all tables: {content:?}");
        content
    }

    /// Waits until this log is closed.
    pub(crate) async fn closed(&self, conversation: ConversationId) {
        let query = "SELECT closed_number FROM conversations WHERE id = ?1";
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let row = sqlx::query(query).bind(conversation.as_bytes().as_slice());
            if row.fetch_one(&self.pool).await.expect("a row").get::<Option<i64>, _>(0).is_some() {
                return;
            }
            assert!(Instant::now() < until, "the log is not closed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the two who talk have acknowledged all they may read: then nothing more comes by itself.
    pub(crate) async fn settled(&self) {
        let behind = "SELECT count(*) FROM stays s JOIN conversations c ON c.id = s.conversation
            WHERE s.departed IS NULL AND s.acked < c.head
            AND s.conversation = (SELECT conversation FROM entries ORDER BY id LIMIT 1)";
        let until = Instant::now() + Duration::from_secs(20);
        while sqlx::query(behind).fetch_one(&self.pool).await.expect("a count").get::<i64, _>(0) > 0 {
            assert!(Instant::now() < until, "the honest clients do not acknowledge");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

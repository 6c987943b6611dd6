//! The tables' way to the connection: every answer of the database passes here.
//!
//! There it can be waited for on the spot, which is what makes a simulated scene the same each time
//! ([`wardline_proto::in_place`]). Otherwise it is the connection and nothing else.

use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Either, Error, Execute, Executor, SqlStr, Sqlite, SqliteConnection,
    sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};
use wardline_proto::in_place::in_place;

/// What runs statements on a connection.
#[derive(Debug)]
pub(in crate::vault) struct Statements<'a> {
    connection: &'a mut SqliteConnection,
}

impl<'a> Statements<'a> {
    pub(super) fn of(connection: &'a mut SqliteConnection) -> Self {
        Self { connection }
    }
}

impl<'c> Executor<'c> for Statements<'c> {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        in_place(self.connection.fetch_many(query)).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        Box::pin(in_place(self.connection.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(in_place(self.connection.prepare_with(sql, parameters)))
    }
}

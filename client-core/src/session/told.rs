//! A value that tells whoever listens when it changes, in the order in which they began to wait.
//!
//! tokio's `watch` wakes its listeners in an order that it draws by chance; here the same scene wakes them the same way
//! each time.

use std::{
    convert::Infallible,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use tokio::sync::Notify;

/// The value.
pub(crate) struct Told<T> {
    shared: Arc<Shared<T>>,
}

/// Hears of changes.
pub(crate) struct Listener<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value as it is now. Not to be held while anything is waited for.
pub(crate) struct Ref<'a, T>(RwLockReadGuard<'a, (T, u64)>);

struct Shared<T> {
    /// And how often it was told.
    value: RwLock<(T, u64)>,
    rung: Notify,
}

impl<T> Shared<T> {
    fn read(&self) -> RwLockReadGuard<'_, (T, u64)> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Told<T> {
    /// Nobody listens yet.
    pub(crate) fn new(value: T) -> Self {
        Self { shared: Arc::new(Shared { value: RwLock::new((value, 0)), rung: Notify::new() }) }
    }

    /// The value as it is now.
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.read())
    }

    /// Hears of every change from now on.
    pub(crate) fn subscribe(&self) -> Listener<T> {
        Listener { seen: self.shared.read().1, shared: self.shared.clone() }
    }

    /// Changes the value and tells everybody.
    pub(crate) fn send_modify(&self, change: impl FnOnce(&mut T)) {
        {
            let mut value = self.shared.value.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut value.0);
            value.1 += 1;
        }
        self.shared.rung.notify_waiters();
    }

    /// Another value.
    pub(crate) fn send_replace(&self, value: T) {
        self.send_modify(|one| *one = value);
    }
}

impl<T> Listener<T> {
    /// Waits until it was told again since the last look.
    pub(crate) async fn changed(&mut self) -> Result<(), Infallible> {
        loop {
            // Begins to listen before it looks, so that nothing falls between.
            let rung = self.shared.rung.notified();
            let told = self.shared.read().1;
            if told != self.seen {
                self.seen = told;
                return Ok(());
            }
            rung.await;
        }
    }

    /// The value as it is now, which counts as a look.
    pub(crate) fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        self.seen = value.1;
        Ref(value)
    }

    /// Waits for a value.
    pub(crate) async fn wait_for(&mut self, is_meant: impl Fn(&T) -> bool) -> Result<Ref<'_, T>, Infallible> {
        loop {
            if is_meant(&self.borrow_and_update()) {
                return Ok(Ref(self.shared.read()));
            }
            self.changed().await?;
        }
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

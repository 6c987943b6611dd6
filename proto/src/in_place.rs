//! Waiting for another thread where one stands: what makes a scene with real databases the same every time.
//!
//! A database answers from a thread of its own, when it answers; what else runs meanwhile is chance. On a thread that
//! called `simulate` such an answer is waited for on the spot, and whether others go first is drawn from a seed. No
//! other thread knows of this, and without the `fault-points` feature [`in_place`] gives back what it was given.

/// What is waited for in place on a simulated thread, and by its runtime on all others.
#[cfg(not(feature = "fault-points"))]
#[must_use]
#[inline(always)]
pub const fn in_place<T>(inner: T) -> T {
    inner
}

#[cfg(feature = "fault-points")]
pub(crate) use simulated::is_armed;
#[cfg(feature = "fault-points")]
pub use simulated::{InPlace, Simulated, arm, arm_once, disarm, in_place, simulate};

#[cfg(feature = "fault-points")]
mod simulated {
    use std::{
        cell::{Cell, RefCell},
        pin::Pin,
        sync::Arc,
        task::{Context, Poll, Wake, Waker},
        thread::{self, Thread},
    };

    use futures::Stream;

    thread_local! {
        /// The state of the draws, while the thread is simulated.
        static DRAWS: Cell<Option<u64>> = const { Cell::new(None) };
        /// The fault points that are armed on this thread alone, and which of them for one time.
        static ARMED: RefCell<Vec<(&'static str, bool)>> = const { RefCell::new(Vec::new()) };
        /// Wakes this thread.
        static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
    }

    /// One wait in so many lets others go first.
    const GIVES_WAY_ONE_IN: u64 = 16;

    /// A thread that waits in place, until this is dropped.
    #[derive(Debug)]
    pub struct Simulated(());

    /// From now on this thread waits in place; the seed says when others go first.
    #[must_use]
    pub fn simulate(seed: u64) -> Simulated {
        DRAWS.set(Some(seed));
        Simulated(())
    }

    impl Drop for Simulated {
        fn drop(&mut self) {
            DRAWS.set(None);
            ARMED.with_borrow_mut(Vec::clear);
        }
    }

    /// Arms a fault point on this thread alone.
    pub fn arm(place: &'static str) {
        ARMED.with_borrow_mut(|armed| armed.push((place, false)));
    }

    /// Arms a fault point on this thread alone, for one time.
    pub fn arm_once(place: &'static str) {
        ARMED.with_borrow_mut(|armed| armed.push((place, true)));
    }

    /// Disarms a fault point on this thread.
    pub fn disarm(place: &str) {
        ARMED.with_borrow_mut(|armed| armed.retain(|(one, _)| *one != place));
    }

    /// Whether a fault point is armed on this thread; once, if it was armed for one time.
    pub(crate) fn is_armed(place: &str) -> bool {
        ARMED.with_borrow_mut(|armed| {
            let Some(found) = armed.iter().position(|(one, _)| *one == place) else { return false };
            if armed[found].1 {
                armed.swap_remove(found);
            }
            true
        })
    }

    /// See [`in_place`].
    #[derive(Debug)]
    #[must_use]
    pub struct InPlace<T> {
        inner: T,
        begun: bool,
    }

    /// What is waited for in place on a simulated thread, and by its runtime on all others.
    pub const fn in_place<T>(inner: T) -> InPlace<T> {
        InPlace { inner, begun: false }
    }

    impl<T: Unpin> InPlace<T> {
        fn ask<R>(
            &mut self,
            context: &mut Context<'_>,
            mut ask: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
        ) -> Poll<R> {
            let Some(draws) = DRAWS.get() else { return ask(Pin::new(&mut self.inner), context) };
            if !std::mem::replace(&mut self.begun, true) {
                // Knuth's MMIX generator; its upper bits are the good ones.
                let next =
                    draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                DRAWS.set(Some(next));
                if (next >> 33).is_multiple_of(GIVES_WAY_ONE_IN) {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            let waker = WAKER.with(Waker::clone);
            let mut here = Context::from_waker(&waker);
            loop {
                if let Poll::Ready(answer) = ask(Pin::new(&mut self.inner), &mut here) {
                    return Poll::Ready(answer);
                }
                thread::park();
            }
        }
    }

    impl<F: Future + Unpin> Future for InPlace<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.ask(context, |inner, context| inner.poll(context))
        }
    }

    impl<S: Stream + Unpin> Stream for InPlace<S> {
        type Item = S::Item;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
            self.ask(context, |inner, context| inner.poll_next(context))
        }
    }

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
}

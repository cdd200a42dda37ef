//! Work over many records on all cores. What comes out depends neither on how many there are nor on which is faster.

use std::ops::Range;
use std::sync::Mutex;

/// Fewer are not worth a thread.
const WORTH_A_THREAD: usize = 4096;

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `work` for each of `0..count`, in order; `empty` only fills the memory before.
pub fn fill<T: Clone + Send>(count: usize, empty: T, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut all = vec![empty; count];
    let step = count.div_ceil(cores()).max(WORTH_A_THREAD);
    let fill = |start: usize, part: &mut [T]| part.iter_mut().enumerate().for_each(|(at, it)| *it = work(start + at));
    std::thread::scope(|scope| {
        let mut parts = all.chunks_mut(step).enumerate();
        let first = parts.next();
        let others: Vec<_> = parts.map(|(at, part)| scope.spawn(move || fill(at * step, part))).collect();
        first.into_iter().for_each(|(_, part)| fill(0, part));
        others.into_iter().for_each(|it| it.join().expect("the work does not panic"));
    });
    all
}

/// `work` on pieces of `0..count`, one after another in what comes out.
pub fn pieces<T: Send>(count: usize, work: impl Fn(Range<usize>) -> Vec<T> + Sync) -> Vec<T> {
    let step = count.div_ceil(cores()).max(WORTH_A_THREAD);
    let pieces: Vec<Range<usize>> = (0..count).step_by(step).map(|start| start..count.min(start + step)).collect();
    several(pieces.len(), |it| work(pieces[it].clone())).into_iter().flatten().collect()
}

/// `work` for each of `0..count`, in order; each is large, so whoever is free takes the next.
pub fn several<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if count < 2 {
        return (0..count).map(work).collect();
    }
    let (next, done) = (Mutex::new(0..count), Mutex::new(Vec::with_capacity(count)));
    let take = || loop {
        let Some(at) = next.lock().expect("the work does not panic").next() else { break };
        let made = work(at);
        done.lock().expect("the work does not panic").push((at, made));
    };
    std::thread::scope(|scope| {
        for _ in 1..cores().min(count) {
            scope.spawn(take);
        }
        take();
    });
    let mut done = done.into_inner().expect("the work does not panic");
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_worked_on_once_and_in_order() {
        for count in [0, 1, 2, 4096, 4097, 50_001] {
            let squares: Vec<usize> = (0..count).map(|it| it * it).collect();
            assert_eq!(fill(count, 0, |it| it * it), squares);
            assert_eq!(pieces(count, |it| it.map(|it| it * it).collect()), squares);
        }
        assert_eq!(several(9, |it| it + 1), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}

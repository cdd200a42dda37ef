//! Several months at once.

use super::Trouble;

/// What `make` gives for every month, in the order of the months. Files are slow to write: there are as many writers as processors,
/// four at most.
pub fn by_month<T: Send>(months: &[i32], make: impl Fn(i32) -> Result<T, Trouble> + Sync) -> Result<Vec<T>, Trouble> {
    let writers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let (make, mut all) = (&make, Vec::with_capacity(months.len()));
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let share = months.iter().enumerate().skip(writer).step_by(writers);
                scope.spawn(move || share.map(|(at, month)| Ok((at, make(*month)?))).collect::<Result<Vec<_>, Trouble>>())
            })
            .collect();
        for task in tasks {
            all.extend(task.join().expect("a writer does not panic")?);
        }
        Ok(())
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

//! A cache of small blocks for each thread, before the system's allocator.
//!
//! musl's allocator takes one lock for each block, and a master's threads spent a third of a return on it (18 futex calls
//! each). Here a block that is given back is kept by its thread, by its size class; what is too much goes to a shared
//! shelf in batches, where threads that run out fetch it: most messages are made in one thread and dropped in another.
//!
//! A program that ends soon ([`end_soon`]) gives no small block back, and takes them from stretches that the system fills
//! with pages at once: to map, to fill and to unmap them one by one was an eighth of a run of a thousand states.
//!
//! Blocks of the size of a piece of a file lie on a shelf of their own: the system maps each of them anew, and making its
//! pages takes as long as a third of what is done with the piece. All others, and those with an alignment of their own,
//! are the system's.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::{NonNull, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The allocator of the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// The system's blocks are aligned to this.
const ALIGNMENT: usize = 16;

/// Larger blocks are not kept.
const LARGEST: usize = 4096;

/// Sixteens up to 128, then four sizes for each power of two.
const CLASSES: usize = 8 + 4 * 5;

/// What a thread keeps of each class, in octets.
const KEPT: usize = 8 * 1024;

/// What lies on the shelf of each class, in octets.
const SHELF: usize = 64 * 1024;

/// Blocks larger than this, up to [`LARGEST_LARGE`], are kept on the shelf of large blocks.
const LARGE: usize = 64 * 1024;
const LARGEST_LARGE: usize = 2 * 1024 * 1024;

/// The classes of large blocks follow those of blocks that nobody keeps.
const FIRST_LARGE: usize = class_of(LARGE + 1);
const LARGE_CLASSES: usize = class_of(LARGEST_LARGE) + 1 - FIRST_LARGE;

/// What lies on the shelf of large blocks, in octets, until [`give_back`].
const LARGE_SHELF: usize = 4 * 1024 * 1024;

static ENDS_SOON: AtomicBool = AtomicBool::new(false);

/// From now on small blocks come from large stretches, and none of them goes back to the system.
pub fn end_soon() {
    ENDS_SOON.store(true, Ordering::Relaxed);
}

fn ends_soon() -> bool {
    ENDS_SOON.load(Ordering::Relaxed)
}

/// What is left of a stretch that blocks are cut from.
struct Stretch {
    at: *mut u8,
    left: usize,
}

// SAFETY: the octets belong to the stretch alone, wherever it is.
unsafe impl Send for Stretch {}

static STRETCH: Mutex<Stretch> = Mutex::new(Stretch { at: null_mut(), left: 0 });

impl Stretch {
    const LENGTH: usize = 256 * 1024;

    /// Cuts `count` blocks of a class into `list`; none where the system has no memory.
    fn cut(&mut self, list: &mut List, class: usize, count: usize) {
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
        let size = size_of_class(class);
        if self.left < size * count {
            let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
            // SAFETY: the system chooses the place.
            let made = unsafe {
                mmap_anonymous(null_mut(), Self::LENGTH, ProtFlags::READ | ProtFlags::WRITE, flags)
            };
            let Ok(made) = made else { return };
            *self = Stretch { at: made.cast(), left: Self::LENGTH };
        }
        for _ in 0..count {
            // SAFETY: so much is left, nobody else has it, and sizes of classes keep it aligned.
            unsafe {
                list.push(self.at.cast());
                self.at = self.at.add(size);
            }
            self.left -= size;
        }
    }
}

/// The class of a size from 1.
#[inline(always)]
const fn class_of(size: usize) -> usize {
    if size <= 128 {
        return size.div_ceil(16).saturating_sub(1);
    }
    let power = (size - 1).ilog2() as usize;
    let quarter = ((size - 1) >> (power - 2)) & 3;
    8 + (power - 7) * 4 + quarter
}

/// The size of the blocks of a class.
#[inline]
const fn size_of_class(class: usize) -> usize {
    if class < 8 {
        return (class + 1) * 16;
    }
    let (power, quarter) = ((class - 8) / 4 + 7, (class - 8) % 4);
    (1 << power) + ((quarter + 1) << (power - 2))
}

/// The blocks of a class that a thread keeps; half of them go to the shelf, or come from there, at once.
#[inline]
const fn most_kept(class: usize) -> usize {
    let count = KEPT / size_of_class(class);
    if count < 4 { 4 } else { count }
}

/// A free block holds the next one.
struct Free {
    next: *mut Free,
}

/// Free blocks of one class.
struct List {
    first: *mut Free,
    length: usize,
}

// SAFETY: the blocks belong to the list alone, wherever the list is.
unsafe impl Send for List {}

impl List {
    const EMPTY: List = List { first: null_mut(), length: 0 };

    #[inline(always)]
    fn pop(&mut self) -> Option<NonNull<Free>> {
        let block = NonNull::new(self.first)?;
        // SAFETY: blocks in a list are free, at least as large as `Free`, and `push` has written their next one.
        self.first = unsafe { block.as_ref() }.next;
        self.length -= 1;
        Some(block)
    }

    /// # Safety
    /// The block is free, aligned, and at least as large as [`Free`].
    #[inline(always)]
    unsafe fn push(&mut self, block: *mut Free) {
        // SAFETY: as the caller promises.
        unsafe { block.write(Free { next: self.first }) };
        self.first = block;
        self.length += 1;
    }

    /// Moves up to `count` blocks.
    fn give(&mut self, to: &mut List, count: usize) {
        for _ in 0..count {
            let Some(block) = self.pop() else { return };
            // SAFETY: it was in a list.
            unsafe { to.push(block.as_ptr()) };
        }
    }

    /// Gives up to `count` blocks back to the system.
    fn free(&mut self, class: usize, count: usize) {
        if class < CLASSES && ends_soon() {
            return;
        }
        for _ in 0..count {
            let Some(block) = self.pop() else { return };
            // SAFETY: every block of a list was allocated by `fetch` with the layout of its class.
            unsafe { System.dealloc(block.as_ptr().cast(), layout(class)) };
        }
    }
}

/// What all threads share.
static SHELVES: [Mutex<List>; CLASSES] = [const { Mutex::new(List::EMPTY) }; CLASSES];

/// Large blocks that nobody uses.
struct Large {
    lists: [List; LARGE_CLASSES],
    octets: usize,
}

static LARGE_BLOCKS: Mutex<Large> = Mutex::new(Large { lists: [List::EMPTY; LARGE_CLASSES], octets: 0 });

#[cold]
fn take_large(class: usize) -> *mut u8 {
    if let Ok(mut shelf) = LARGE_BLOCKS.lock()
        && let Some(block) = shelf.lists[class - FIRST_LARGE].pop()
    {
        shelf.octets -= size_of_class(class);
        return block.as_ptr().cast();
    }
    // SAFETY: the layout of a class has a size.
    unsafe { System.alloc(layout(class)) }
}

/// # Safety
/// The block is of this class and free.
#[cold]
unsafe fn keep_large(class: usize, block: *mut u8) {
    let octets = size_of_class(class);
    if let Ok(mut shelf) = LARGE_BLOCKS.lock()
        && shelf.octets + octets <= LARGE_SHELF
    {
        shelf.octets += octets;
        // SAFETY: as the caller promises.
        unsafe { shelf.lists[class - FIRST_LARGE].push(block.cast()) };
        return;
    }
    // SAFETY: large blocks have the layout of their class.
    unsafe { System.dealloc(block, layout(class)) };
}

/// Gives large blocks that nobody uses back to the system. To be called now and then by what runs for long.
pub fn give_back() {
    if let Ok(mut shelf) = LARGE_BLOCKS.lock() {
        for (index, list) in shelf.lists.iter_mut().enumerate() {
            list.free(index + FIRST_LARGE, usize::MAX);
        }
        shelf.octets = 0;
    }
}

#[inline]
fn is_large(layout: Layout) -> bool {
    layout.size() > LARGE && layout.size() <= LARGEST_LARGE && layout.align() <= ALIGNMENT
}

/// What the system is told of a block that is not one of the small ones.
fn system_layout(wanted: Layout) -> Layout {
    if is_large(wanted) { layout(class_of(wanted.size())) } else { wanted }
}

fn layout(class: usize) -> Layout {
    // The sizes of classes are multiples of the alignment and small.
    Layout::from_size_align(size_of_class(class), ALIGNMENT).unwrap_or(Layout::new::<u128>())
}

/// What one thread keeps.
struct Cache([List; CLASSES]);

thread_local! {
    static CACHE: UnsafeCell<Cache> = const { UnsafeCell::new(Cache([List::EMPTY; CLASSES])) };
}

impl Cache {
    #[inline(always)]
    fn take(&mut self, class: usize) -> *mut u8 {
        match self.0[class].pop() {
            Some(block) => block.as_ptr().cast(),
            None => self.fetch(class),
        }
    }

    #[cold]
    fn fetch(&mut self, class: usize) -> *mut u8 {
        let list = &mut self.0[class];
        if let Ok(mut shelf) = SHELVES[class].lock() {
            shelf.give(list, most_kept(class) / 2);
        }
        if list.first.is_null()
            && ends_soon()
            && let Ok(mut stretch) = STRETCH.lock()
        {
            stretch.cut(list, class, most_kept(class) / 2);
        }
        match list.pop() {
            Some(block) => block.as_ptr().cast(),
            // SAFETY: the layout of a class has a size.
            None => unsafe { System.alloc(layout(class)) },
        }
    }

    /// # Safety
    /// The block is of this class and free.
    #[inline(always)]
    unsafe fn keep(&mut self, class: usize, block: *mut u8) {
        let list = &mut self.0[class];
        // SAFETY: as the caller promises; every class is large enough, and every block aligned.
        unsafe { list.push(block.cast()) };
        if list.length > most_kept(class) {
            shelve(list, class, most_kept(class) / 2);
        }
    }
}

/// Puts blocks where other threads find them; those that the shelf has no room for go back to the system.
#[cold]
fn shelve(list: &mut List, class: usize, count: usize) {
    let room = (SHELF / size_of_class(class)).max(8);
    let mut left = count;
    if let Ok(mut shelf) = SHELVES[class].lock() {
        let moved = if ends_soon() { left } else { left.min(room.saturating_sub(shelf.length)) };
        list.give(&mut shelf, moved);
        left -= moved;
    }
    list.free(class, left);
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, list) in self.0.iter_mut().enumerate() {
            let length = list.length;
            shelve(list, class, length);
        }
    }
}

#[inline]
fn is_kept(layout: Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= ALIGNMENT && layout.size() > 0
}

/// `None` in a thread that is at its end. Nothing in this file allocates through [`Allocator`], so that `work` is never
/// entered twice in a thread.
#[inline(always)]
fn with_cache<T>(work: impl FnOnce(&mut Cache) -> T) -> Option<T> {
    // SAFETY: the cache is this thread's, and no other reference to it exists: see above.
    CACHE.try_with(|cache| work(unsafe { &mut *cache.get() })).ok()
}

// SAFETY: blocks come from the system with the layout of their class, which is at least as large as what was asked for and
// aligned to all that is kept; each is in one list or in use, never both. A thread that is past its cache uses the system
// with the same layouts.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, wanted: Layout) -> *mut u8 {
        if !is_kept(wanted) {
            if is_large(wanted) {
                return take_large(class_of(wanted.size()));
            }
            // SAFETY: as our caller promises.
            return unsafe { System.alloc(wanted) };
        }
        let class = class_of(wanted.size());
        // SAFETY: the layout of a class has a size.
        with_cache(|cache| cache.take(class)).unwrap_or_else(|| unsafe { System.alloc(layout(class)) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, given: Layout) {
        if !is_kept(given) {
            if is_large(given) {
                // SAFETY: as our caller promises.
                return unsafe { keep_large(class_of(given.size()), block) };
            }
            // SAFETY: as our caller promises.
            return unsafe { System.dealloc(block, given) };
        }
        let class = class_of(given.size());
        // SAFETY: `alloc` made it with this class, and the caller has no use for it any more.
        if with_cache(|cache| unsafe { cache.keep(class, block) }).is_none() && !ends_soon() {
            // SAFETY: as above.
            unsafe { System.dealloc(block, layout(class)) };
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, wanted: Layout) -> *mut u8 {
        if !is_kept(wanted) {
            // SAFETY: as our caller promises. The system's large blocks are zero without being written.
            return unsafe { System.alloc_zeroed(system_layout(wanted)) };
        }
        // SAFETY: as our caller promises.
        let block = unsafe { self.alloc(wanted) };
        if !block.is_null() {
            // SAFETY: it is at least as large as what was asked for.
            unsafe { block.write_bytes(0, wanted.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        // SAFETY: the alignment is that of a layout, and the caller promises the size.
        let new = unsafe { Layout::from_size_align_unchecked(size, old.align()) };
        match (is_kept(old), is_kept(new)) {
            // The system moves pages, not octets.
            // SAFETY: as our caller promises.
            (false, false) => unsafe { System.realloc(block, system_layout(old), system_layout(new).size()) },
            (true, true) if class_of(old.size()) == class_of(size) => block,
            _ => {
                // SAFETY: as our caller promises.
                let grown = unsafe { self.alloc(new) };
                if !grown.is_null() {
                    // SAFETY: both are blocks of at least this size, and different ones.
                    unsafe {
                        std::ptr::copy_nonoverlapping(block, grown, old.size().min(size));
                        self.dealloc(block, old);
                    }
                }
                grown
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_as_large_as_its_sizes_and_not_much_larger() {
        let mut last = 0;
        for size in 1..=LARGEST {
            let class = class_of(size);
            assert!(class == last || class == last + 1, "{size}");
            last = class;
            let given = size_of_class(class);
            assert!(given >= size && given.is_multiple_of(ALIGNMENT), "{size} gets {given}");
            assert!(given - size < 16.max(size / 4), "{size} gets {given}");
        }
        assert_eq!(last, CLASSES - 1);
    }

    /// A block of this size, filled with a number that the block itself gives.
    fn filled(size: usize) -> (NonNull<u8>, Layout, u8) {
        let layout = Layout::from_size_align(size, 8).expect("a layout");
        let mark = u8::try_from(size % 251).expect("small");
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { Allocator.alloc(layout) }).expect("memory");
        // SAFETY: it is that large.
        unsafe { block.as_ptr().write_bytes(mark, size) };
        (block, layout, mark)
    }

    fn check_and_drop((block, layout, mark): (NonNull<u8>, Layout, u8)) {
        // SAFETY: it is in use, that large, and wholly written.
        let octets = unsafe { std::slice::from_raw_parts(block.as_ptr(), layout.size()) };
        assert!(octets.iter().all(|octet| *octet == mark), "a block of {} was shared", layout.size());
        // SAFETY: it is not used again.
        unsafe { Allocator.dealloc(block.as_ptr(), layout) };
    }

    #[test]
    fn a_large_block_is_used_again_and_given_back() {
        for size in [LARGE + 1, 1 << 20, (1 << 20) + 100, LARGEST_LARGE] {
            let class = class_of(size);
            assert!(size_of_class(class) >= size && class < FIRST_LARGE + LARGE_CLASSES, "{size}");
            let blocks: Vec<_> = (0..4).map(|_| filled(size)).collect();
            blocks.into_iter().for_each(check_and_drop);
            check_and_drop(filled(size));
        }
        give_back();
        check_and_drop(filled(LARGE + 1));
    }

    #[test]
    fn blocks_that_are_cut_from_stretches_lie_beside_each_other_whoever_drops_them() {
        end_soon();
        let sizes = || (0..4000_usize).map(|step| 1 + step * 37 % LARGEST);
        for _ in 0..2 {
            let blocks: Vec<_> = sizes().map(filled).collect();
            let mut places: Vec<(usize, usize)> =
                blocks.iter().map(|(block, layout, _)| (block.as_ptr().addr(), layout.size())).collect();
            places.sort_unstable();
            assert!(places.iter().all(|(place, _)| place.is_multiple_of(ALIGNMENT)));
            assert!(places.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "two share octets");
            let sent = Sent(blocks);
            // A thread at its end puts them where the next one finds them.
            let dropped = std::thread::spawn(move || sent.check_and_drop());
            dropped.join().expect("no panic");
        }
    }

    struct Sent(Vec<(NonNull<u8>, Layout, u8)>);

    impl Sent {
        fn check_and_drop(self) {
            self.0.into_iter().for_each(check_and_drop);
        }
    }

    // SAFETY: blocks belong to whoever has them.
    unsafe impl Send for Sent {}

    #[test]
    fn blocks_in_use_are_never_shared_whoever_drops_them() {
        let (sender, receiver) = std::sync::mpsc::sync_channel::<Sent>(4);
        let maker = move |seed: usize| {
            for turn in 0..200 {
                let sizes = (0..100).map(|step| 1 + (seed * 7919 + turn * 104_729 + step * step * 31) % 5000);
                sender.send(Sent(sizes.map(filled).collect())).expect("somebody takes them");
            }
        };
        std::thread::scope(|threads| {
            for seed in 0..3 {
                let maker = maker.clone();
                threads.spawn(move || maker(seed));
            }
            drop(maker);
            for Sent(blocks) in receiver {
                blocks.into_iter().for_each(check_and_drop);
            }
        });
    }

    #[test]
    fn a_block_keeps_its_content_when_it_grows_and_is_zero_when_that_is_asked_for() {
        let (mut block, mut layout, mark) = filled(10);
        for size in
            [16, 17, 100, 128, 129, 4096, 4097, 100_000, 1 << 20, 3 << 20, 2 << 20, 5 << 18, 5000, 4000, 10]
        {
            // SAFETY: the block is of this layout, and the sizes are not zero.
            block = NonNull::new(unsafe { Allocator.realloc(block.as_ptr(), layout, size) }).expect("memory");
            layout = Layout::from_size_align(size, 8).expect("a layout");
        }
        check_and_drop((block, layout, mark));
        let layout = Layout::from_size_align(300, 8).expect("a layout");
        check_and_drop(filled(300));
        // SAFETY: the size is not zero; the block is that large, in use until it is dropped.
        unsafe {
            let block = Allocator.alloc_zeroed(layout);
            assert!(std::slice::from_raw_parts(block, 300).iter().all(|octet| *octet == 0));
            Allocator.dealloc(block, layout);
        }
    }
}

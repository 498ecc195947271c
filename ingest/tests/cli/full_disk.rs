//! A disk that fills up: a small file system of its own. It takes root to mount one; elsewhere these tests are left out.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::articles;
use crate::look::Look;
use crate::site::{Ran, Running, Site, until};
use crate::stored::{Stored, mend};

const BELLS: &str = "# Bells\n\nA bell is rung with the thumb of the left hand.\n";

/// A small file system, unmounted when the test is done with it.
struct Disk {
    folder: PathBuf,
}

/// What it is made of.
#[derive(Clone, Copy)]
enum Kind {
    /// A file: what does not fit is found when it is written to the file system.
    Ext4,
    /// Memory: what does not fit may be found when a mapped page is touched, which ends the process with a signal.
    Tmpfs,
}

impl Disk {
    /// A fresh one at `folder`; `None` when this user may not mount one, or there is nothing to make one with.
    fn mount(kind: Kind, folder: PathBuf, image: &Path) -> Option<Self> {
        /// More than the index wants to keep free.
        const BYTES: u64 = 512 << 20;
        std::fs::create_dir_all(&folder).unwrap();
        let succeeds = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let is_made = match kind {
            Kind::Ext4 => {
                std::fs::File::create(image).unwrap().set_len(BYTES).unwrap();
                succeeds(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(image))
                    && succeeds(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&folder))
            }
            Kind::Tmpfs => {
                let options = format!("size={BYTES}");
                succeeds(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder))
            }
        };
        is_made.then_some(Self { folder })
    }

    /// Takes all but `kibibytes`, and never more in between.
    fn take_all_but(&self, kibibytes: u64) -> PathBuf {
        let path = self.folder.join("ballast");
        let disk = rustix::fs::statvfs(&self.folder).unwrap();
        let bytes = disk.f_bavail * disk.f_frsize - kibibytes * 1_024;
        std::io::copy(&mut std::io::repeat(0x55).take(bytes), &mut std::fs::File::create(&path).unwrap()).unwrap();
        path
    }

    /// Fills it up and gives back `kibibytes`.
    fn leave_free(&self, kibibytes: u64) -> PathBuf {
        let path = self.folder.join("ballast");
        let mut ballast = std::fs::File::create(&path).unwrap();
        // Large pieces first, so that it is quick.
        for piece in [1 << 20, 1 << 10] {
            while ballast.write_all(&vec![0x55; piece]).is_ok() {}
        }
        let bytes = ballast.metadata().unwrap().len();
        ballast.set_len(bytes.saturating_sub(kibibytes * 1_024)).unwrap();
        ballast.sync_all().unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).stderr(Stdio::null()).status();
    }
}

/// A site whose data folder lies on a small disk, with one article in it.
fn site_on_a_small_disk(kind: Kind) -> Option<(Site, Disk)> {
    let folder = tempfile::tempdir().unwrap();
    let data: &Path = &folder.path().join("disk");
    let Some(disk) = Disk::mount(kind, data.to_owned(), &folder.path().join("disk.image")) else {
        eprintln!("left out: a small disk can be mounted by root only, and mkfs.ext4 is needed for one in a file");
        return None;
    };
    let site = Site::with_data_in(folder, data.to_owned());
    site.write("bells.md", BELLS);
    site.ingest_all();
    Some((site, disk))
}

/// Checks that a run into a full disk says so and ends in order.
fn says_that_the_disk_is_full(ran: &Ran) {
    assert!(matches!(ran.status.code(), Some(1 | 2)), "{:?}: {}", ran.status, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!([&ran.stderr, &ran.stdout].iter().any(|text| text.contains("disk is full")), "{ran:#?}");
}

/// Checks that everything is in after there is room again, and that what was there is still answered.
fn recovers(site: &Site) {
    let server = site.serve();
    let asker = site.asker(&server);
    assert_eq!(asker.search("How is a bell rung?")[0]["title"], "Bells");
    site.ingest(&["docs"]).succeeds();
    for number in 0..30 {
        let passages = asker.search(&articles::question(number));
        assert_eq!(passages[0]["title"], format!("Care of the {}", articles::subject(number)));
    }
    assert!(server.stop().success());
    assert_eq!(mend(site).restored, 0);
    let (stored, counts) = Stored::of(site);
    assert_eq!((counts.points, stored.articles.len()), (counts.rows, 31));
    assert!(stored == *undisturbed(), "what is there differs from an ingest on a disk with room");
}

/// What an ingest of all articles leaves on a disk with room.
fn undisturbed() -> &'static Stored {
    static STORED: OnceLock<Stored> = OnceLock::new();
    STORED.get_or_init(|| {
        let site = Site::new();
        site.write("bells.md", BELLS);
        articles::write(&site, 0..30, 0);
        site.ingest_all();
        Stored::of(&site).0
    })
}

#[test]
fn a_disk_that_fills_up_during_an_ingest_loses_nothing() {
    for kibibytes in [0, 256] {
        let Some((site, disk)) = site_on_a_small_disk(Kind::Ext4) else { return };
        articles::write(&site, 0..30, 0);
        let ballast = disk.leave_free(kibibytes);
        let ran = site.ingest(&["docs"]);
        assert!(!ran.status.success() && !ran.stderr.contains("panicked"), "{ran:#?}");
        std::fs::remove_file(ballast).unwrap();
        recovers(&site);
    }
}

/// Starts an ingest on a small disk in memory and lets `fill` fill the disk when some articles are in; then checks that nothing is
/// lost, and gives how many articles were in and how the ingest ended.
fn fills_up_on_the_way(fill: impl FnOnce(&Disk) -> PathBuf) -> Option<(i64, Ran)> {
    let (site, disk) = site_on_a_small_disk(Kind::Tmpfs)?;
    articles::write(&site, 0..30, 0);
    let look = Look::into(&site);
    let before = look.changes();
    let run = Running::start(&mut site.ingest_command(&["docs"]));
    until("some articles are published", || (look.changes() >= before + 3).then_some(()));
    let ballast = fill(&disk);
    let ran = run.end();
    let published = look.changes() - before;
    drop(look);
    std::fs::remove_file(ballast).unwrap();
    recovers(&site);
    Some((published, ran))
}

#[test]
fn a_disk_in_memory_that_an_ingest_fills_up_loses_nothing() {
    // The index stops when there are 128 MiB left. An article takes about 70 KiB.
    let Some((published, ran)) = fills_up_on_the_way(|disk| disk.take_all_but(128 * 1_024 + 512)) else { return };
    says_that_the_disk_is_full(&ran);
    assert!((3..30).contains(&published), "it was to fill up on the way, and {published} articles are in");
}

#[test]
fn a_disk_in_memory_that_others_fill_up_during_an_ingest_loses_nothing() {
    let Some((_, ran)) = fills_up_on_the_way(|disk| disk.leave_free(0)) else { return };
    // From one moment to the next there is no room for a page that was promised: it may end in order or by a signal.
    assert!(!ran.status.success() && !ran.stderr.contains("panicked"), "{ran:#?}");
}

#[test]
fn a_disk_that_fills_up_during_an_ingest_is_told_each_time() {
    let Some((site, disk)) = site_on_a_small_disk(Kind::Ext4) else { return };
    articles::write(&site, 0..30, 0);
    let _ballast = disk.leave_free(256);
    for _ in 0..2 {
        says_that_the_disk_is_full(&site.ingest(&["docs"]));
    }
}

#[test]
fn a_server_whose_disk_fills_up_goes_on_answering() {
    let Some((site, disk)) = site_on_a_small_disk(Kind::Ext4) else { return };
    let mut server = site.serve();
    let asker = site.asker(&server);
    articles::write(&site, 0..30, 0);
    let ballast = disk.leave_free(256);
    says_that_the_disk_is_full(&site.ingest(&["docs"]));
    assert!(server.ended().is_none(), "the server ended: {}", server.log());
    assert_eq!(asker.search("How is a bell rung?")[0]["title"], "Bells");
    std::fs::remove_file(ballast).unwrap();
    drop(asker);
    assert!(server.stop().success());
    recovers(&site);
}

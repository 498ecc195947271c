//! A disk that fills up: a small file system of its own. It takes root to mount one; elsewhere these tests are left out.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::articles;
use crate::site::{Ran, Site};
use crate::stored::{Stored, mend};

const BELLS: &str = "# Bells\n\nA bell is rung with the thumb of the left hand.\n";

/// A file system in a file, unmounted when the test is done with it.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// A fresh one at `folder`; `None` when this user may not mount one, or there is nothing to make one with.
    fn mount(folder: PathBuf, image: &Path) -> Option<Self> {
        /// More than the index wants to keep free.
        const BYTES: u64 = 512 << 20;
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::File::create(image).unwrap().set_len(BYTES).unwrap();
        let succeeds = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let is_made = succeeds(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(image))
            && succeeds(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&folder));
        is_made.then_some(Self { folder })
    }

    /// Fills it up but for `kibibytes`.
    fn leave_free(&self, kibibytes: u64) -> PathBuf {
        let path = self.folder.join("ballast");
        let mut ballast = std::fs::File::create(&path).unwrap();
        let mut written: u64 = 0;
        while ballast.write_all(&[0x55; 1_024]).is_ok() {
            written += 1;
        }
        ballast.set_len(written.saturating_sub(kibibytes) * 1_024).unwrap();
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
fn site_on_a_small_disk() -> Option<(Site, Disk)> {
    let folder = tempfile::tempdir().unwrap();
    let data: &Path = &folder.path().join("disk");
    let Some(disk) = Disk::mount(data.to_owned(), &folder.path().join("disk.image")) else {
        eprintln!("left out: a small disk can be made by root only, with mkfs.ext4 and mount");
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
}

#[test]
fn a_disk_that_fills_up_during_an_ingest_loses_nothing() {
    for kibibytes in [0, 256] {
        let Some((site, disk)) = site_on_a_small_disk() else { return };
        articles::write(&site, 0..30, 0);
        let ballast = disk.leave_free(kibibytes);
        let ran = site.ingest(&["docs"]);
        assert!(!ran.status.success() && !ran.stderr.contains("panicked"), "{ran:#?}");
        std::fs::remove_file(ballast).unwrap();
        recovers(&site);
    }
}

#[test]
fn a_disk_that_fills_up_during_an_ingest_is_told_each_time() {
    let Some((site, disk)) = site_on_a_small_disk() else { return };
    articles::write(&site, 0..30, 0);
    let _ballast = disk.leave_free(256);
    for _ in 0..2 {
        says_that_the_disk_is_full(&site.ingest(&["docs"]));
    }
}

#[test]
fn a_server_whose_disk_fills_up_goes_on_answering() {
    let Some((site, disk)) = site_on_a_small_disk() else { return };
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

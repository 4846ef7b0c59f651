//! The disk: what is on it for certain, and what may be.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;

use crate::image::Image;
use crate::step::{CallNumber, FileChange, NameChange, Node, ROOT, Step};
use crate::tree::number;

/// A change that may be on the disk and need not be.
#[derive(Clone, Debug)]
pub(crate) struct Pending<C> {
    pub(crate) call: CallNumber,
    pub(crate) change: C,
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskFile {
    pub(crate) durable: Vec<u8>,
    pub(crate) pending: Vec<Pending<FileChange>>,
    /// Its bytes are anything.
    pub(crate) mapped: bool,
}

/// A folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskFolder {
    pub(crate) durable: BTreeMap<OsString, Node>,
    pub(crate) pending: Vec<Pending<NameChange>>,
}

#[derive(Clone, Debug)]
pub(crate) enum OnDisk {
    File(DiskFile),
    Folder(DiskFolder),
}

/// A disk in the course of a recorded run.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) nodes: Vec<OnDisk>,
    /// Calls that returned: only what they did is covered by a sync that begins now.
    returned: HashSet<CallNumber>,
    /// What each sync that goes on will have made durable when it ends.
    syncing: HashMap<CallNumber, Vec<(Node, Vec<CallNumber>)>>,
    /// Whether bytes whose sync failed are never written: the kernel holds them for written and the next sync says
    /// nothing of them. Otherwise they are written by the next.
    forgetful: bool,
}

impl Disk {
    /// A disk that holds `image` for certain.
    pub(crate) fn new(image: &Image, forgetful: bool) -> Self {
        let mut disk = Self { forgetful, ..Self::default() };
        number(image, &mut |image, inside| {
            disk.nodes.push(match image {
                Image::File(bytes) => {
                    OnDisk::File(DiskFile { durable: bytes.clone(), ..DiskFile::default() })
                }
                Image::Folder(_) => OnDisk::Folder(DiskFolder { durable: inside, pending: Vec::new() }),
            });
        });
        disk
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::NewFile(_) => self.nodes.push(OnDisk::File(DiskFile::default())),
            Step::NewFolder(_) => self.nodes.push(OnDisk::Folder(DiskFolder::default())),
            Step::File { call, node, change } => {
                if let Some(OnDisk::File(file)) = self.nodes.get_mut(*node) {
                    file.pending.push(Pending { call: *call, change: change.clone() });
                }
            }
            Step::Name { call, folder, change } => {
                if let Some(OnDisk::Folder(folder)) = self.nodes.get_mut(*folder) {
                    folder.pending.push(Pending { call: *call, change: change.clone() });
                }
            }
            Step::Returned(call) => {
                self.returned.insert(*call);
            }
            Step::SyncBegun { call, node, all } => {
                let covered = if *all { self.all_files() } else { vec![*node] };
                let covered = covered.into_iter().map(|node| (node, self.returned(node))).collect();
                self.syncing.insert(*call, covered);
            }
            Step::SyncEnded { call } => {
                for (node, covered) in self.syncing.remove(call).unwrap_or_default() {
                    if let Some(node) = self.nodes.get_mut(node) {
                        node.make_durable(&covered);
                    }
                }
            }
            Step::SyncFailed { call } => {
                for (node, covered) in self.syncing.remove(call).unwrap_or_default() {
                    if let (true, Some(OnDisk::File(file))) = (self.forgetful, self.nodes.get_mut(node)) {
                        file.forget(&covered);
                    }
                }
            }
            Step::Mapped(node) => {
                if let Some(OnDisk::File(file)) = self.nodes.get_mut(*node) {
                    file.mapped = true;
                }
            }
            Step::Said(_) => {}
        }
    }
}

impl Disk {
    /// Whether `image` is what the steps lead to when nothing of them is lost. Otherwise a change was made that is not
    /// among them, as by a thread that was killed before the recorder could tell of it.
    pub(crate) fn leads_to(&self, image: &Image) -> bool {
        self.node_leads_to(ROOT, image)
    }

    fn node_leads_to(&self, node: Node, image: &Image) -> bool {
        match (self.nodes.get(node), image) {
            (Some(OnDisk::File(file)), Image::File(found)) => {
                let mut bytes = file.durable.clone();
                file.pending.iter().for_each(|pending| pending.change.apply(&mut bytes));
                file.mapped || bytes == *found
            }
            (Some(OnDisk::Folder(folder)), Image::Folder(found)) => {
                let mut names = folder.durable.clone();
                folder.pending.iter().for_each(|pending| pending.change.apply(&mut names));
                names.len() == found.len()
                    && names.iter().all(|(name, node)| {
                        found.get(name).is_some_and(|image| self.node_leads_to(*node, image))
                    })
            }
            _ => false,
        }
    }
}

impl Disk {
    fn all_files(&self) -> Vec<Node> {
        let files = self.nodes.iter().enumerate().filter(|(_, node)| matches!(node, OnDisk::File(_)));
        files.map(|(node, _)| node).collect()
    }

    /// What a sync of it that begins now covers.
    fn returned(&self, node: Node) -> Vec<CallNumber> {
        self.nodes.get(node).map(|node| node.pending(&self.returned)).unwrap_or_default()
    }
}

impl DiskFile {
    /// The kernel holds these bytes for written.
    fn forget(&mut self, covered: &[CallNumber]) {
        let stays = |pending: &Pending<FileChange>| {
            !matches!(pending.change, FileChange::Write { .. }) || !covered.contains(&pending.call)
        };
        self.pending.retain(stays);
    }
}

impl OnDisk {
    /// The changes that are pending and have returned.
    fn pending(&self, returned: &HashSet<CallNumber>) -> Vec<CallNumber> {
        fn calls<C>(pending: &[Pending<C>]) -> impl Iterator<Item = CallNumber> {
            pending.iter().map(|change| change.call)
        }
        match self {
            Self::File(file) => calls(&file.pending).filter(|call| returned.contains(call)).collect(),
            Self::Folder(folder) => calls(&folder.pending).filter(|call| returned.contains(call)).collect(),
        }
    }

    fn make_durable(&mut self, covered: &[CallNumber]) {
        match self {
            Self::File(file) => file.pending.retain(|pending| {
                let synced = covered.contains(&pending.call);
                if synced {
                    pending.change.apply(&mut file.durable);
                }
                !synced
            }),
            Self::Folder(folder) => folder.pending.retain(|pending| {
                let synced = covered.contains(&pending.call);
                if synced {
                    pending.change.apply(&mut folder.durable);
                }
                !synced
            }),
        }
    }
}

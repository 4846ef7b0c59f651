//! Every bound on input from outside, in one place. Sizes are bytes unless said otherwise.

/// Protocol version carried in every header.
pub const VERSION: u8 = 1;
/// ALPN protocol name of every hop.
pub const ALPN: &[u8] = b"chukei/1";
/// Encoded end-to-end part of a header.
pub const HEADER_MAX: usize = 4 * 1024;
/// Encoded hop part of a header.
pub const HOP_MAX: usize = 1024;
/// Encoded status of a reply.
pub const STATUS_MAX: usize = 256;
/// Legal basis in a permit, UTF-8; leaves room for the rest of the hop part.
pub const LEGAL_BASIS_MAX: usize = 256;
/// Delegations in one announcement.
pub const DELEGATIONS_MAX: usize = 2_000;
/// Plaintext of one chunk of a sealed body.
pub const CHUNK_PLAIN: usize = 64 * 1024;
/// Sealed chunk: plaintext and a 16-byte tag.
pub const CHUNK_MAX: usize = CHUNK_PLAIN + 16;
/// One plain message (set-up flights, staff calls, control).
pub const MESSAGE_MAX: usize = 1024 * 1024;
/// Opened sealed body of one request or reply.
pub const SEALED_BODY_MAX: usize = 8 * 1024 * 1024;
/// Dataset codes named by one request.
pub const DATASETS_MAX: usize = 16;
/// Streams in flight on one connection.
pub const STREAMS_MAX: u32 = 256;
/// Longest deadline a request may ask for, in milliseconds.
pub const DEADLINE_MAX_MS: u32 = 60_000;
/// Life of a permit, in milliseconds, before the stated skew.
pub const PERMIT_LIFE_MS: u64 = 30_000;
/// Permits under one signed root.
pub const ROOT_LEAVES_MAX: usize = 1_024;
/// Certificates with which a device proves itself.
pub const DEVICE_CHAIN_MAX: usize = 4;
/// A challenge that a factor answers.
pub const FACTOR_CHALLENGE: usize = 32;
/// A factor's signature.
pub const FACTOR_SIGNATURE: usize = 64;
/// Failed proofs of a factor after which a connection is closed.
pub const FACTOR_TRIES_MAX: u32 = 5;
/// Fewest rounds of PBKDF2 between a PIN and its key.
pub const PIN_ROUNDS_MIN: u32 = 600_000;
/// Most rounds that a terminal computes.
pub const PIN_ROUNDS_MAX: u32 = 10_000_000;
/// Epochs that a receiver may ask for at once.
pub const ROOT_EPOCHS_MAX: usize = 8;
/// Clock skew tolerated between roles, in milliseconds.
pub const CLOCK_SKEW_MS: u64 = 5_000;
/// Rows of one import batch.
pub const IMPORT_BATCH_ROWS: usize = 1_000;
/// Rows of one enrolment batch.
pub const ENROL_BATCH_ROWS: usize = 256;
/// Person codes renewed by one message.
pub const RENEW_BATCH_CODES: usize = 256;
/// Versions of person codes that live at once: the one before, the current one, the one to come.
pub const CODE_VERSIONS_MAX: usize = 3;
/// Versions of binding secrets that one request proves, newest first.
pub const BINDING_TAGS_MAX: usize = 2;
/// Acquisition number, printable ASCII characters.
pub const ACQUISITION_NUMBER_MAX: usize = 512;
/// Targets of one notice.
pub const NOTICE_TARGETS_MAX: usize = 100_000;
/// Targets in one message of a notice registration.
pub const NOTICE_TARGET_BATCH: usize = 10_000;
/// Choices of a notice's question.
pub const NOTICE_CHOICES_MAX: usize = 16;
/// Bytes of a text that two persons decide on.
pub const ACT_TEXT_MAX: usize = 512 * 1024;
/// Bytes of one piece of what an act has brought out.
pub const ACT_PIECE_MAX: usize = 512 * 1024;
/// Acts in one page.
pub const ACTS_PAGE: usize = 64;
/// Events in one page of a search of the log.
pub const AUDIT_SEARCH_PAGE: usize = 256;
/// Bytes of sealed entries in one page for a follower of a log.
pub const AUDIT_FOLLOW_BYTES: usize = 512 * 1024;
/// Leaves in one page for a follower of a log.
pub const AUDIT_FOLLOW_LEAVES: usize = 8_192;
/// Bytes of time stamps in one page, beside the one that is there in any case.
pub const AUDIT_STAMPS_BYTES: usize = 256 * 1024;
/// Bytes of one time stamp of an authority.
pub const TIME_STAMP_MAX: usize = 64 * 1024;
/// Hashes of a proof of a log.
pub const LOG_PROOF_MAX: usize = 64;
/// Bytes of a log's checkpoint that a broker is to witness: a signed note with its text.
pub const LOG_CHECKPOINT_MAX: usize = 4 * 1024;
/// Heads besides the last cosigned one that a checkpoint of a log is shown to continue.
pub const LOG_ALSO_MAX: usize = 4;
/// Entries of one message of copies.
pub const COPIES_MAX: usize = 1_024;
/// Bytes of the entries of one message of copies, and of one entry.
pub const COPY_MAX: usize = 512 * 1024;
/// Bytes of a cosignature: one signature line of a note with its newline.
pub const LOG_COSIGNATURE_MAX: usize = 512;
/// Places of one page of a person's records.
pub const RECORDS_PAGE: usize = 256;
/// Bytes of a checkpoint with its cosignatures, as a person's records come with.
pub const RECORDS_CHECKPOINT_MAX: usize = 8 * 1024;
/// Bytes of one opened place: what its record shows, beside the other part's commitment.
pub const RECORDS_OPENING_MAX: usize = 16 * 1024;
/// Bytes that each place of a page takes at least once it is sealed, open or closed: more than one that is open needs.
pub const RECORDS_PLACE: usize = 2 * 1024;
/// Bytes of one piece of a backup.
pub const BACKUP_PIECE_MAX: usize = 512 * 1024;
/// Exchange records in one page.
pub const EXCHANGE_PAGE: u16 = 256;
/// Exchange records in one page for staff.
pub const EXCHANGE_LIST_PAGE: u32 = 1_000;
/// Bytes of a cursor in exchange records.
pub const EXCHANGE_CURSOR_MAX: usize = 256;
/// Datasets of which a person's exchange records are hidden; more are said as all.
pub const UNDISCLOSED_DATASETS_MAX: usize = 256;

/**
 * Every limit that is not part of a wire schema, with its unit in its name.
 * Sources: spec/limits.md, unless a comment gives a reason of our own.
 */

/** $0.08 per active hour, in integer micro-cents. */
export const microCentsPerActiveHour = 8_000_000;
/** $10 per 1 000 web searches, in integer micro-cents. */
export const microCentsPerWebSearch = 1_000_000;

// Turns
export const toolRoundsMax = 200;
export const modelAttemptsMax = 5;
export const modelRetryBackoff = { baseMs: 1_000, capMs: 30_000 } as const;
/** A provider that asks for more patience than this is asked again earlier. */
export const modelRetryAfterMsMax = 120_000;
/** Silence on a model stream after which the request counts as cut. */
export const modelStreamIdleMsMax = 300_000;
export const modelOutputTokensDefault = 32_000;
/** Of a model that the catalogue no longer has. */
export const contextTokensDefault = 200_000;
/** Times in a row that a conversation is summarized for one request. */
export const compactionsMax = 3;
/** Shares of a model's window: where old tool results go, how much that must free, where a summary is due, and what stays beside it. */
export const clearAtShare = 0.6;
export const clearShareMin = 0.1;
export const clearedResultsKept = 5;
export const compactAtShare = 0.8;
export const compactKeepShare = 0.1;
/** What the user said last, kept word by word beside a summary. */
export const saidCharactersMax = 8_000;
/** Of the window, for one reply. */
export const outputShareMax = 0.25;
/** Without a judgement by then, the client is asked. */
export const judgeMsMax = 10_000;

// Sessions at work
export const sessionsAtOnceMax = 256;
export const leaseMsDefault = 60_000;
/** What it may be set to: shorter ones end while a slow database commits, longer ones keep sessions from going on. */
export const leaseSecondsRange = { from: 5, to: 600 } as const;
/**
 * Brains that die one after the other while they drive a session, without getting anywhere with it, before it is taken
 * for the cause and its turn is ended. One before, it is a suspect: a server drives one suspect at a time, so that the
 * next death tells which it was. One that kills who only ends its turn, that often again, is left alone.
 */
export const poisonTries = 3;
export const workerPollMs = 500;
export const claimsAtOnceMax = 16;
/** For what runs when the server is told to stop; then it is cut. */
export const drainGraceMs = 10_000;
/** Handed over at once by a server that stops; more are taken over when it is gone. */
export const waitingSessionsMax = 1_000;

// Agents
export const toolsPerAgentMax = 256;
export const fileDocumentsPerCreateMax = 100;

// Session resources
export const filesPerSessionMax = 500;
export const memoryStoresPerSessionMax = 8;
/** Of Linux: PATH_MAX without its end, and NAME_MAX. */
export const pathBytesMax = 4_095;
export const pathSegmentBytesMax = 255;

// Deployments
export const scheduledDeploymentsMax = 1_000;
export const upcomingRunsMax = 5;
/** A run starts this long after its scheduled time: a part of the interval, within bounds. */
export const scheduleJitter = { minUs: 5_000_000, maxUs: 540_000_000, intervalShare: 0.15 } as const;
/** Nobody knows the time zones of a later time. Five leap days fit, also around 2100. */
export const scheduleHorizonYears = 50;

// Vaults
export const credentialsPerVaultMax = 20;
/** For trying a credential at its MCP server, and for one exchange with a token endpoint. */
export const credentialProbeMsMax = 15_000;
export const tokenRefreshMsMax = 10_000;
/** A token that ends within this time is exchanged before it is used. */
export const tokenRefreshAheadMs = 60_000;
/** After an exchange that failed, before a token that still holds is tried to be exchanged again. */
export const tokenRefreshRestMs = 30_000;

// Work of self-hosted environments
export const workTtlSeconds = { min: 30, max: 300, default: 300 } as const;
/** From the acknowledgement of an item to its first heartbeat. */
export const workStartMsMax = 120_000;
/** Of one `anthill worker`, at once. */
export const workerSessionsDefault = 8;
export const workReclaimMsDefault = 5_000;
/** Workers that polled within this time are counted. */
export const workersSeenMs = 30_000;
/** Remembered as written down, of all environments. */
export const workersNotedMax = 10_000;

// MCP servers
/** For connecting to one server and listing its tools. */
export const mcpConnectMsMax = 10_000;
export const mcpToolsPerServerMax = 1_000;
/** Of one answer, which the client of the protocol holds as a whole. */
export const mcpAnswerBytesMax = 64 * 1024 * 1024;

// Memory
export const memoriesPerStoreMax = 2_000;
/** Of a mounted store, looked at after a call: more than it may hold, so that what is too much can be told and removed. */
export const memoryTreeLimits = { entriesMax: 10_000, depthMax: 64 } as const;
/** Items of a page that carry their contents. */
export const fullViewPageItemsMax = 20;

// Skills
/** A bundle is smaller than this, all its files uncompressed. */
export const skillBundleBytesMax = 30 * 1024 * 1024;
export const skillFilesMax = 1_000;
export const skillPathBytesMax = 512;
/** Bounds the work of the YAML parser: it is quadratic in some texts. */
export const skillFrontMatterCharactersMax = 8 * 1024;
export const skillsPerSessionMax = 500;
/** Unpacked and packed at once; each may take three times its size in memory. */
export const skillBundlesAtOnceMax = 4;

// Streams
export const streamReplayPageEvents = 100;
export const streamHeartbeatMs = 10_000;
/** Held per connection beyond the socket's own buffer. */
export const streamBufferBytesMax = 256 * 1024;
/** Written at once, unless a single event is larger. */
export const streamChunkCharactersMax = 64 * 1024;
export const tailBufferRecordsMax = 2_000;
/** About 16 MB: what one slow reader keeps alive. */
export const tailBufferCharactersMax = 8 * 1024 * 1024;
/** A stream opened this soon after an event that nobody listened to starts at that event. */
export const missedEventWindowMs = 5_000;
/** Of those that one look at the log brings. */
export const recentlyAcceptedMax = 1_000;
/** How long it waits for another server to say whether somebody listened there. */
export const hintLateMsMax = 500;

// Organization
export const workspacesMax = 1_000;
/** Keys that are not archived, of all workspaces. */
export const apiKeysMax = 10_000;
export const environmentKeysMax = 100;
export const webhookEndpointsMax = 32;
export const usageRowsMax = 10_000;
/** How long a stream may outlive the key that opened it. */
export const streamAccessCheckMs = 2_000;
/** Buckets of rate limits that are kept before those that are full again are forgotten. */
export const rateBucketsMax = 1_000;

// Requests
export const requestBodyBytesMax = 32 * 1024 * 1024;
/** Text in a form, such as a name or a number. */
export const formFieldBytesMax = 64 * 1024;

// Files
/** Of the organization, unless configured. */
export const filesQuotaBytesDefault = 1024 ** 4;
/** A file that has expired is still listed this long. */
export const expiredFileKeptUs = 30 * 24 * 3_600 * 1_000_000;
/** A list can go on behind a file that was deleted no longer ago. */
export const deletedFileKeptUs = 24 * 3_600 * 1_000_000;
export const expiryPollMs = 60_000;
/** Between two rounds that take away what was kept for long enough, and rows of one step. */
export const retentionPollMs = 3_600_000;
export const retentionBatchRows = 100;
/** Of files of sandboxes whose session has ended, unless configured. */
export const retainedSandboxDaysDefault = 30;
export const expiryBatchFiles = 100;
/** Of a file in a message: what is about 32 MiB as base64 fits no model request. */
export const fileBlockBytesMax = 24 * 1024 * 1024;

/** Of what agents leave for the user, by session: a file as large as an upload, all together as much as a disk. */
export const outputFileBytesMax = 500 * 1024 * 1024;
export const outputFilesMax = 1_000;
export const outputsBytesMax = 10 * 1024 * 1024 * 1024;
export const outputTreeLimits = { entriesMax: 10_000, depthMax: 64 } as const;

// Store
/** Folds kept in memory, counted in items of conversations: a few KB each. */
export const foldCacheItemsMax = 20_000;
export const foldPageRecords = 1_000;
/** Of the files of one session, compressed: more stay where they are. */
export const snapshotBytesMax = 4 * 1024 ** 3;
/** Entry bodies over this go to the blob directory. */
export const entryBodyBytesMax = 64 * 1024;
export const groupCommitJobsMax = 64;
export const preparedStatementsMax = 1_000;
/** Connections of one server to PostgreSQL, besides one that listens. */
export const databaseReadersMax = 4;
export const databaseWritersMax = 8;
/** For a connection, also of the pool. */
export const databaseConnectMsMax = 10_000;
/** For the answer to one query, before its connection counts as broken. */
export const databaseAnswerMsMax = 10_000;
/** A connection that rested this long asks whether the other side is there. */
export const databaseKeepAliveMs = 5_000;
export const postgresVersions = { from: 15, to: 18 } as const;
/** Between tries to open the connection that listens. */
export const databaseRedialMs = 250;
/** Between questions on it whether the database is still there; so many without an answer, and it is opened anew. */
export const lineBeatMs = 2_500;
export const lineBeatsMax = 4;
/** For its goodbye. */
export const lineCloseMsMax = 1_000;
/** Of 8 000 that PostgreSQL lets through. */
export const notificationBytesMax = 7_000;
export const notificationItemsMax = 100;
/** Waiting to be said to other servers, before previews are left out. */
export const unsaidMessagesMax = 1_000;
/** Previews for other servers are collected this long, and cut to fit into a notification, six bytes a character. */
export const previewsCollectedMs = 15;
export const toldPreviewCharactersMax = 1_000;
/** What clocks of servers on one database may differ by. */
export const clockSkewMsMax = 1_000;
/** How often a server looks whether the others live. */
export const serversLookMs = 250;
/** A look that comes so late says that this server was asleep itself, or the database. */
export const serversLateMs = 5_000;
/** How often sessions with readers are looked at for what no hint told of. */
export const backstopMs = 1_500;
/** After that content which no row names cannot be an upload under way. */
export const abandonedUploadMs = 24 * 3_600_000;
/** Content in the database that was deleted stays so long for downloads that have begun. */
export const goneContentMs = 3_600_000;
/** What a client is told while the database is away. */
export const databaseRetrySeconds = 1;
/** Of a transaction that others got in the way of. */
export const writeAttemptsMax = 5;
/** Of an archive: rows of a page, characters of its large columns, lines gathered before they are compressed, and one line: a body of any event fits. */
export const archivePageRows = 500;
export const archivePageCharacters = 2 * 1024 * 1024;
export const archiveWriteCharacters = 128 * 1024;
export const archiveLineBytesMax = 256 * 1024 * 1024;
/** Times that a backup begins anew because what it names was deleted meanwhile. */
export const backupAttemptsMax = 10;
/** Rows of one statement that imports, and of one transaction: what is done again when an import goes on. */
export const importRowsMax = 50;
export const importBatchRows = 1_000;
/** Rows of a transaction that takes away what an import has brought. */
export const importClearRows = 2_000;
/** For the end of an import that died just now. */
export const importLockMsMax = 3_000;

// Telemetry
/** Turns, requests and calls that are timed at once; beyond, the oldest is forgotten. */
export const telemetryOpenMax = 10_000;

// Network of sandboxes
/** Open at once, of one sandbox: as many as its forwarder opens (door.c). More wait. */
export const egressConnectionsMax = 512;
export const egressConnectMsMax = 10_000;
/** The forwarder says at once where a connection is to lead. */
export const egressPrefaceMsMax = 5_000;
/** For a client to begin, before it is told that it is refused, and for that to be read. */
export const egressRefusalMsMax = 5_000;
/** A client that is silent this long lets its server speak first. */
export const egressSilenceMs = 300;
export const egressRecordsMax = 10_000;
/** Waiting to be stored, of all sessions. */
export const egressRecordsHeldMax = 10_000;
export const egressFlushMs = 100;
/** Of one sandbox, for hosts whose connections are opened. */
export const certificatesKeptMax = 256;
/** A body up to this size keeps its length known when a secret is put into it; longer ones are sent in chunks. */
export const injectedBodyBytesMax = 1024 * 1024;
/** Shorter secrets are found everywhere in answers, where they mean nothing. */
export const scrubbedSecretBytesMin = 8;

// Repositories
/** For what a server says about a repository's branches; large ones have hundreds of thousands. */
export const repositoryRefsBytesMax = 128 * 1024 * 1024;
export const repositoryProbeMsMax = 30_000;
export const repositoryRedirectsMax = 3;
/** From the first question to the last file, waiting for others included. */
export const repositoryMsMax = 15 * 60_000;
/** Of one file, a pack among them. */
export const repositoryFileBytesMax = 4 * 1024 * 1024 * 1024;
export const repositoriesAtOnceMax = 4;
/** Kept between sessions; what was not used longest goes. */
export const repositoryCacheBytesMax = 20 * 1024 * 1024 * 1024;
export const repositoryCacheMsMax = 30 * 24 * 3_600_000;
/** Of what git has to say. */
export const gitOutputBytesMax = 256 * 1024;
export const repositorySkillsMax = 100;
export const repositorySkillBytesMax = 256 * 1024;
/** Sessions whose failed clones are remembered for their first turn. */
export const repositoryFailuresKeptMax = 1_000;

// Web tools
export const fetchUrlCharactersMax = 250;
export const fetchMsMax = 30_000;
export const fetchRedirectsMax = 5;
/** Of one answer; a page that is turned into text may have less. */
export const fetchBytesMax = 10 * 1024 * 1024;
export const fetchPageBytesMax = 1024 * 1024;
/** What the narrowest of the search services take. */
export const searchQueryCharactersMax = 400;
export const searchMsMax = 15_000;
export const searchAnswerBytesMax = 4 * 1024 * 1024;
/** Asked of a search service, because some are dropped, and shown. */
export const searchHitsAskedMax = 20;
export const searchHitsMax = 10;
/** Of one result. */
export const searchTextCharactersMax = 2_000;
export const searchTitleCharactersMax = 300;
/** Domains that are put into a query, for services that have no other place for them. */
export const searchSitesMax = 8;

// Tools and sandboxes
export const bashTimeoutMsDefault = 120_000;
export const bashTimeoutMsMax = 600_000;
export const toolTimeoutMs = 120_000;
export const grepTimeoutMs = 60_000;
/** Kept of one command; what the model sees of it is toolOutputCharactersMax or a preview. */
export const bashOutputBytesMax = 8 * 1024 * 1024;
export const grepOutputBytesMax = 100 * 1024;
export const grepLineCharactersMax = 2_000;
export const fileToolBytesMax = 256 * 1024;
/** 5 MiB as base64, which is what model APIs measure. */
export const imageBytesMax = 3.75 * 1024 * 1024;
export const globPathsMax = 200;
export const globScannedFilesMax = 200_000;
/** Per sandbox; its supervisor runs 64 processes. bash calls wait for each other anyway. */
export const toolCallsAtOnceMax = 32;
/** Longer output is spilled to a file and previewed. */
export const toolOutputCharactersMax = 100_000;
export const toolPreviewCharacters = 2_000;
/** After an abort a call is over within a second, whatever its sandbox does. */
export const abortGraceMs = 700;
/** What an aborted call left behind is taken over within this time, or by the next call. */
export const collectAfterAbortMs = 200;
/** Sentences about what could not be kept, behind the result of one call. */
export const notesPerCallMax = 10;
export const sandboxProvisionMsMax = 20_000;
export const sandboxIdleMs = 60_000;
export const sandboxesProvisioningMax = 4;
export const sandboxesLiveMax = 128;
/** Of what the agent of one session may keep on disk, unless configured. */
export const diskQuotaBytesDefault = 20 * 1024 * 1024 * 1024;
/** Of the file system below which sandboxes that write are stopped: the server needs room too. */
export const diskReserve = { bytesMax: 1024 * 1024 * 1024, share: 0.02 } as const;
export const diskLookMs = 500;
/** A session that ran something is measured this often at least; a disk that fills up lets it happen earlier. */
export const diskMeasureMs = 30_000;
/** More files than can be counted in this time are too many. */
export const diskMeasureMsMax = 20_000;
/** A session that was not measured yet is taken to have no more than this left. */
export const diskUnknownBytes = 1024 * 1024 * 1024;
/** Growth that is let go by beyond what a session over its quota has already. */
export const diskSlackBytes = 4 * 1024 * 1024;
export const sandboxLimits = {
  memoryBytesMax: 4 * 1024 * 1024 * 1024,
  processesMax: 512,
  fileBytesMax: 10 * 1024 * 1024 * 1024,
  openFilesMax: 4_096,
} as const;

// Packages of environments
/** From the first package manager to the last one's end. */
export const packagesBuildMsMax = 15 * 60_000;
export const packageBuildsAtOnceMax = 2;
/** After a failure the next sandboxes are told the same, before it is tried again. */
export const packagesRetryMs = 60_000;
/** Of what a package manager said last, in the session's log. */
export const packagesComplaintCharactersMax = 1_500;
export const packageLayerBytesMax = 10 * 1024 * 1024 * 1024;
/** Of all layers that no sandbox uses: older or more ones are removed, the longest unused first. */
export const unusedLayersBytesMax = 20 * 1024 * 1024 * 1024;
export const unusedLayerMsMax = 30 * 24 * 3_600_000;
export const imageBuildMsMax = 30 * 60_000;

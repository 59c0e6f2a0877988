/**
 * The database's schema, as a list of migrations: entry n takes a database of version n to n + 1 (`PRAGMA user_version`).
 * Entries that have been released are never edited; JSON columns hold documents that no query looks into.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE images (            -- one row an image config, Docker's "image ID"
    id TEXT PRIMARY KEY,           -- sha256:<hex>, digest of the config
    config TEXT NOT NULL,          -- the OCI image config, byte for byte
    manifest TEXT,                 -- digest of the manifest it came with, if any
    size INTEGER NOT NULL,         -- bytes of all layers, unpacked
    created INTEGER NOT NULL,      -- ms since the epoch, when it entered this store
    os TEXT NOT NULL,
    architecture TEXT NOT NULL,
    variant TEXT NOT NULL DEFAULT ''
  ) WITHOUT ROWID;

  CREATE TABLE image_layers (      -- the layers of an image, 0 the lowest
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    chain_id TEXT NOT NULL REFERENCES layers(chain_id),
    PRIMARY KEY (image_id, position)
  ) WITHOUT ROWID;
  CREATE INDEX image_layers_chain ON image_layers(chain_id);

  CREATE TABLE layers (            -- an unpacked layer: layers/<hex of chain_id>/diff
    chain_id TEXT PRIMARY KEY,     -- image-spec, "Layer ChainID"
    diff_id TEXT NOT NULL,         -- digest of the uncompressed tar
    parent TEXT,                   -- chain_id of the layer below
    link TEXT NOT NULL UNIQUE,     -- short name: layers/l/<link> -> ../<hex>/diff
    size INTEGER NOT NULL          -- bytes of the files in it
  ) WITHOUT ROWID;

  CREATE TABLE blobs (             -- what lies in blobs/sha256
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE layer_blobs (       -- which blobs hold the tar of a diff_id, compressed or not
    diff_id TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES blobs(digest) ON DELETE CASCADE,
    PRIMARY KEY (diff_id, digest)
  ) WITHOUT ROWID;
  CREATE INDEX layer_blobs_digest ON layer_blobs(digest);

  CREATE TABLE tags (              -- docker.io/library/busybox:latest -> image
    reference TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
  ) WITHOUT ROWID;
  CREATE INDEX tags_image ON tags(image_id);

  CREATE TABLE digests (           -- docker.io/library/busybox@sha256:… -> image, Docker's RepoDigests
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,          -- of the manifest or the index that was asked for
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    PRIMARY KEY (repository, digest, image_id)
  ) WITHOUT ROWID;
  CREATE INDEX digests_image ON digests(image_id);

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,           -- 64 hex digits
    name TEXT NOT NULL UNIQUE,     -- without Docker's leading slash
    image_id TEXT,                 -- NULL with --rootfs
    image TEXT NOT NULL,           -- as the user named it
    created INTEGER NOT NULL,      -- ms since the epoch
    state TEXT NOT NULL,           -- created, running, restarting, exited, dead; what lies in the run folder overrules "running"
    pid INTEGER NOT NULL DEFAULT 0,
    started INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER NOT NULL DEFAULT 0,
    oom_killed INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    auto_remove INTEGER NOT NULL DEFAULT 0,
    options TEXT NOT NULL          -- JSON: ContainerOptions (engine/containers/options.ts), what inspect and start need
  ) WITHOUT ROWID;
  CREATE INDEX containers_image ON containers(image_id);

  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    anonymous INTEGER NOT NULL DEFAULT 0,
    driver TEXT NOT NULL DEFAULT 'local',
    labels TEXT NOT NULL DEFAULT '{}',
    options TEXT NOT NULL DEFAULT '{}'
  ) WITHOUT ROWID;

  CREATE TABLE container_volumes (
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volumes(name),
    PRIMARY KEY (container_id, volume)
  ) WITHOUT ROWID;
  CREATE INDEX container_volumes_volume ON container_volumes(volume);

  CREATE TABLE networks (
    id TEXT PRIMARY KEY,           -- 64 hex digits
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,          -- bridge, host, null
    created INTEGER NOT NULL,
    subnet TEXT NOT NULL DEFAULT '',   -- CIDR
    gateway TEXT NOT NULL DEFAULT '',
    interface TEXT NOT NULL DEFAULT '', -- the bridge's name on the host
    options TEXT NOT NULL DEFAULT '{}',
    labels TEXT NOT NULL DEFAULT '{}'
  ) WITHOUT ROWID;

  CREATE TABLE endpoints (         -- a running container's place in a network; the row is the lease of its address
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    network_id TEXT NOT NULL REFERENCES networks(id),
    address TEXT NOT NULL,         -- 172.30.0.2
    mac TEXT NOT NULL,
    host_interface TEXT NOT NULL,
    PRIMARY KEY (container_id, network_id),
    UNIQUE (network_id, address)
  ) WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,         -- ns since the epoch
    type TEXT NOT NULL,            -- container, image, volume, network
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    attributes TEXT NOT NULL       -- JSON object of strings
  );
  `,
  `
  ALTER TABLE networks ADD COLUMN last_address TEXT NOT NULL DEFAULT ''; -- given out last; the search for a free one begins after it
  `,
  `
  ALTER TABLE images ADD COLUMN removed INTEGER NOT NULL DEFAULT 0; -- 1: removed by force, kept unseen for the containers that use it
  `,
  `
  CREATE TABLE container_images (  -- the images that a container mounts (--mount type=image)
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    image_id TEXT NOT NULL REFERENCES images(id),
    PRIMARY KEY (container_id, image_id)
  ) WITHOUT ROWID;
  CREATE INDEX container_images_image ON container_images(image_id);

  CREATE VIEW image_users AS       -- which container needs which image: to be made from it, or to mount it
    SELECT id AS container_id, image_id FROM containers WHERE image_id IS NOT NULL
    UNION ALL SELECT container_id, image_id FROM container_images;
  `,
  `
  -- 1: the container has offered the volume what its image has there, and never does again
  ALTER TABLE container_volumes ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;
  UPDATE container_volumes SET offered = 1 WHERE container_id IN (SELECT id FROM containers WHERE started > 0);
  `,
  `
  CREATE TABLE id_ranges (         -- host ids that a container alone has (--userns auto)
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,            -- uid, gid
    start INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (container_id, kind, start)
  ) WITHOUT ROWID;
  `,
  `
  ALTER TABLE containers ADD COLUMN restart_count INTEGER NOT NULL DEFAULT 0; -- since it was started by hand
  ALTER TABLE containers ADD COLUMN restart_delay INTEGER NOT NULL DEFAULT 0; -- ms, of the last restart
  ALTER TABLE containers ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;       -- 1: by hand, so that no policy starts it again
  `,
];

"""The keystore's tables. A released script never changes; each change is a script of its own."""

# `number` is the order of creation, which is the order in which everything is listed and keys are generated.
_FIRST = """
CREATE TABLE key_pair (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    alias TEXT,
    status TEXT NOT NULL CHECK (status IN ('ok', 'generating', 'corrupt')),
    algorithm TEXT NOT NULL CHECK (algorithm IN ('RSA', 'EC')),
    key_length INTEGER,               -- bits; what to generate, NULL for keys that come from outside
    public_key BLOB,                  -- SubjectPublicKeyInfo, DER
    private_key BLOB,                 -- PKCS#8 DER, sealed
    externally_generated INTEGER NOT NULL,
    CHECK (status <> 'ok' OR public_key IS NOT NULL)
) STRICT;

CREATE TABLE certificate (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    alias TEXT,
    key_id TEXT NOT NULL REFERENCES key_pair (id),
    der BLOB NOT NULL
) STRICT;

CREATE TABLE certification_path (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    alias TEXT
) STRICT;

CREATE TABLE certification_path_member (
    path_id TEXT NOT NULL REFERENCES certification_path (id),
    position INTEGER NOT NULL,
    certificate_id TEXT NOT NULL REFERENCES certificate (id),
    PRIMARY KEY (path_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE server_certificate_assignment (
    position INTEGER PRIMARY KEY,
    path_id TEXT NOT NULL UNIQUE REFERENCES certification_path (id)
) STRICT;

CREATE TABLE generation_time (
    key_length INTEGER PRIMARY KEY,   -- bits
    seconds REAL NOT NULL             -- a mean in which newer measurements weigh more
) STRICT;

CREATE TABLE sealing_check (
    sealed BLOB NOT NULL              -- opens only with the key-encryption key of this store
) STRICT;
"""

MIGRATIONS = (_FIRST,)

REFERRING_FIRST = (
    "server_certificate_assignment",
    "certification_path_member",
    "certification_path",
    "certificate",
    "key_pair",
)
"""The tables with what clients store, in an order in which they can be emptied."""

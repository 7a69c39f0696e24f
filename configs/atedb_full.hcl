# Every setting, with its default. What depends on the machine is commented out.
# `atedb config show` prints what a daemon would use and where it comes from.
# In the environment, limits.max_connections is ATEDB_LIMITS_MAX_CONNECTIONS.

# Address and port for clients. [::] is every address, IPv6 and IPv4; 0.0.0.0 is IPv4 only.
listen = "[::]:5000"

# Folder that the chains are kept in. Default: /opt/ate if it is there or can be made, else ~/ate.
# logs_path = "/opt/ate"

# Folder for the plugins' sockets. Default: that of systemd, /run/atedb, or one of the user's own.
# runtime_dir = "/run/atedb"

# The least encryption of the wire: 128, 192, 256 or "off"; a client may ask for more.
# Default: 128, or "off" with trust "distributed". The server proves who it is by it: with "off" only to clients that ask.
wire_encryption = 128

# TLS 1.3: with both files, in PEM, the daemon speaks wss:// too, on the same port. It comes around
# the encryption above and does not replace it. Read at the start and at a reload.
tls {
  certificate = ""
  key         = ""
}

# Storage keeps the chains: "file", or "memory" to forget them at the end.
storage "file" {}

# True to ask nobody who owns a new chain: anyone may create it and write its roots.
no_auth = false

# Auth plugins know who owns a new chain. Several blocks are asked in order.
auth "ate" {
  url = "ws://tokera.sh/auth"
}

# What counts if several of them answer: "first-answer", a grant or a denial; "first-grant", where a
# denial passes the question on; or "all": only what each of them grants, to the same keys.
auth_rule = "first-answer"

# Trust checks that writers own their keys: "centralized" once per connection, "distributed" in every
# commit. Chains keep the mode that they were made under.
trust "centralized" {}

# Compaction strategies vote on what a chain may drop. Several blocks vote together.
compaction "standard" {
  mode   = "factor-or-timer" # never, modified, timer, factor, size, factor-or-timer or size-or-timer
  factor = 0.4               # growth of the log, as a share of its size, that starts a compaction
  size   = "100MiB"          # growth of the log, in bytes, that starts a compaction
  timer  = "1h"              # time between compactions
}

# Names of strategies, such as "retention", that may end objects which have a value, in chains of
# centralized trust. Whatever else a strategy votes, what lives is kept.
may_end_live = []

# A plugin block is only for a program that is in no plugin folder, or whose checksum is pinned.
# plugin "auth" "acme" {
#   path   = "/opt/acme/atedb-plugin-auth-acme"
#   sha256 = "what sha256sum prints for it"
# }

# Folders searched for atedb-plugin-<kind>-<name>. Default: the daemon's own, then the system's.
# plugin_dirs = ["/usr/bin", "/usr/lib/atedb/plugins"]

# True to refuse a plugin without a checksum in its plugin block.
require_checksums = false

# IP address that DNS queries go to, with or without a port.
dns_server = "8.8.8.8"

# True to believe only what DNSSEC proves.
dns_sec = false

# Zone file with the DS records of the root that DNSSEC begins with. Default: those built in.
dns_anchors = ""

log {
  # trace, debug, info, warn, error or off.
  level = "info"
  # text, json, or auto: text on a terminal, otherwise json.
  format = "auto"
}

limits {
  # Clients at once.
  max_connections = 32768
  # Clients at once from one IP address.
  max_connections_per_address = 16384
  # Chains in memory at once.
  max_open_chains = 16384
  # Chains compacted at once, and how much all of them together read, in MiB a second.
  max_compactions           = 1
  compaction_mib_per_second = 200
  # From accepting a connection until its chain is open.
  handshake_timeout = "5s"
  # How long a chain without clients stays in memory.
  idle_chain_timeout = "1m"
  # From the signal to stop until everything is cut off.
  shutdown_timeout = "10s"
  # How long at least a chain remembers that an object ended, for clients that were away.
  tombstone_time = "168h"
  # How long a compaction strategy may neither take events nor vote before its plan is given up.
  strategy_patience = "1m"
}

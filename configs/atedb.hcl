# The smallest useful configuration, for a first try on a network you trust:
#
#   atedb --config configs/atedb.hcl solo
#
# atedb_full.hcl lists every setting. Relative paths are relative to the folder
# that the daemon is started in.

listen          = "[::]:5000"
logs_path       = "./data"
wire_encryption = "off"
no_auth         = true

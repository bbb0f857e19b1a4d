# objagg.sh - lib/objagg.c with lib/test_objagg.c, which tests while it loads.

set -e
insmod ./objagg_client.ko

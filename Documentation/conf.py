# SPDX-License-Identifier: GPL-2.0
# For sphinx-build of Debian's python3-sphinx:
#
#   sphinx-build -b html Documentation build/html
project = 'goslab'
master_doc = 'index'
source_suffix = '.rst'
exclude_patterns = []
highlight_language = 'c'
html_theme = 'alabaster'

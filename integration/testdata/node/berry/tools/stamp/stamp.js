#!/usr/bin/env node
require('fs').writeFileSync('stamp.txt', 'stamped');

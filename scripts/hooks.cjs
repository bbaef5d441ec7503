'use strict';
// After npm changed node_modules of a checkout (npm's `dependencies` script, which, unlike `prepare`, no user of the packed package is asked
// to approve): points git at .githooks. Only in a checkout of this very project, because inside another repository it would change
// that one's hooks; and never over hooks that somebody chose. Nothing here may fail an installation.
const { existsSync } = require('fs');
const { spawnSync } = require('child_process');

if (existsSync('.git') && spawnSync('git', ['config', '--local', 'core.hooksPath']).status === 1) {
	spawnSync('git', ['config', '--local', 'core.hooksPath', '.githooks'], { stdio: 'ignore' });
}

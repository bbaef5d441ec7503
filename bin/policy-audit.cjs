#!/usr/bin/env node
'use strict';
// The installed command. `npx` and npm scripts put the Node 24 that npm installed beside this package first on the PATH; a global install
// or a direct call runs on whatever `node` is, and hands over to that Node 24 where it is newer.
var path = require('path');
var spawnSync = require('child_process').spawnSync;

if (Number(process.versions.node.split('.')[0]) < 24) {
	var own = findNode();
	if (own) {
		var run = spawnSync(own, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit' });
		if (run.signal) process.kill(process.pid, run.signal);
		if (!run.error) process.exit(run.status);
	}
}
require('./preflight.cjs');
import('../dist/cli.js');

/** The `node` of the platform package (an optional dependency), or nothing where npm left it out. */
function findNode() {
	var windows = process.platform === 'win32';
	var platform = (windows ? 'win' : process.platform) + '-' + process.arch;
	var names = ['node-' + platform, 'node-bin-' + platform];
	for (var i = 0; i < names.length; i++) {
		try {
			return path.join(path.dirname(require.resolve(names[i] + '/package.json')), 'bin', windows ? 'node.exe' : 'node');
		} catch (_) {}
	}
}

'use strict';
// Loaded before everything else, and on any Node: so plain old JavaScript, and nothing imported. An older Node would stop at the first
// `.ts` file or modern module with a message that helps nobody.
var version = process.versions.node.split('.');
var major = Number(version[0]);

if (major < 22 || (major === 22 && Number(version[1]) < 18)) {
	console.error(
		'policy-action-audit needs Node 24 (at least 22.18), and this is Node ' +
			process.versions.node +
			': run `npm ci` without --omit=optional, which brings Node 24 along on most platforms, or install it from https://nodejs.org.',
	);
	process.exit(2);
}

import { CONSTRUCTS } from '../policy/constructs.ts';
import { escapePart, type FingerprintParts, parseFingerprint } from '../policy/fingerprint.ts';
import type { ClusterKey, Problem } from '../ports.ts';
import type { Group } from './alert.ts';

/** The same text for the same cluster. */
export const clusterId = ({ project, location, name }: ClusterKey): string => `${project ?? '-'}/${location}/${name}`;

/** What a problem is told under. A fingerprint of another version of the engine is a group of its own. */
export function groupOf({ fingerprint, cluster, finding }: Pick<Problem, 'fingerprint' | 'cluster' | 'finding'>): Group {
	const parts = parseFingerprint(fingerprint);
	if (!parts) return { id: fingerprint, cluster, finding, direction: '-', severity: 'medium' };
	const counted = countedAs(parts);
	// Of whichever rules and directions: they are only counted.
	if (counted !== undefined) {
		const id = [parts.cluster, counted].map(escapePart).join('|');
		return { id, cluster, finding, direction: '-', counted, severity: 'low' };
	}
	const { construct, direction, policy } = parts;
	return {
		id: idOf(parts),
		cluster,
		finding,
		...(construct !== undefined && { construct }),
		direction,
		...(policy !== undefined && { policy }),
		severity: construct === undefined ? 'medium' : CONSTRUCTS[construct].severity,
	};
}

/** The parts of the fingerprint that say which rule it is. */
const idOf = ({ cluster, finding, construct, direction, policy, ruleHash }: FingerprintParts): string =>
	[cluster, finding, construct ?? '-', direction, policy ?? '-', ruleHash ?? '-'].map(escapePart).join('|');

/**
 * A contradiction tells of our model, and a late reply of a closed connection: neither is an outage to be woken for. What a rule admitted
 * before may have ports like a late reply's, and is one.
 */
function countedAs({ finding, port }: FingerprintParts): Group['counted'] {
	if (finding === 'contradicted') return 'contradicted';
	return port === 'ephemeral' && finding !== 'void-rule' ? 'late-reply' : undefined;
}

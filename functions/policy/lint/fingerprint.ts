import type { Cluster } from '../explain.ts';
import { escapePart } from '../fingerprint.ts';
import { hashText } from '../hash.ts';
import type { PolicyRule } from '../model.ts';
import type { LintFinding } from './finding.ts';

/**
 * What makes two findings of the linter the same problem, as one line: cluster, `lint`, construct, direction, kind and name of the policy,
 * the hash of its rule's content and the clause. Not the places: moving a rule, a peer or a port entry changes nothing.
 */
export function lintFingerprint(finding: LintFinding, cluster: Cluster | undefined): string {
	const { construct, direction, policyKind, policyNamespace, policyName, source, clause } = finding;
	const parts = [
		`${cluster?.project ?? '-'}/${cluster?.location ?? '-'}/${cluster?.name ?? '-'}`,
		'lint',
		construct,
		direction ?? '-',
		policyKind,
		policyNamespace === undefined ? policyName : `${policyNamespace}/${policyName}`,
		source === undefined ? '-' : hashOf(source),
		clause,
	];
	return parts.map(escapePart).join('|');
}

/** A rule may be long, and every clause of it a finding. */
const hashes = new WeakMap<PolicyRule, string>();

function hashOf(rule: PolicyRule): string {
	const known = hashes.get(rule);
	if (known !== undefined) return known;
	const sorted = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).sort();
	const hash = hashText(`{"peers":[${sorted(rule.peers)}],"ports":[${sorted(rule.ports)}]}`);
	hashes.set(rule, hash);
	return hash;
}

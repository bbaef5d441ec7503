import type { Evidence, Hint, MissingFact, Reason } from './finding.ts';

/** Words that every sentence of a judgement is put together from. */

export const MISSING: Readonly<Record<MissingFact, string>> = {
	'no-snapshot': 'there is no snapshot of the cluster for that time',
	'stale-snapshot': 'the snapshot was last seen valid more than 15 minutes before the entry, or a newer one could not be read',
	'unknown-subject': 'the end whose policies decide is no Pod of the snapshot',
	'unknown-peer': 'the other end is a Pod that the snapshot does not hold, and a rule may match it',
	'unknown-namespace': 'the labels of the other end’s namespace are not in the snapshot, and a rule asks for them',
	'unreadable-policy': 'a policy that may select the Pod could not be read',
	'other-policy-kind': 'a policy of another kind may decide it',
	'unreadable-kind': 'not all policies of a kind could be listed',
	'dns-cache-unknown': 'it is not known whether NodeLocal DNSCache is on',
	'self-traffic': 'the specification leaves open whether a Pod reaches itself',
};

export const HINTS: Readonly<Record<Hint, string>> = {
	'late-reply': 'The ports look like a late reply to a connection that was already closed.',
	'policies-differ': 'The entry names policies, but none of those that admit the flow by the snapshot.',
	'policy-named-on-deny': 'The entry names a policy, but of no kind that is known to deny.',
	'unsupported-protocol': 'Dataplane V2 drops protocols other than TCP, UDP and ICMP before policy is asked, whatever a rule admits.',
	'renamed-in-logs': 'The entry names the policy by an annotation, not by the object’s name.',
	'multi-network': 'A policy for an additional network selects the Pod too; it does not count here.',
	'name-address-mismatch': 'A Pod has another address in the entry than in the snapshot; its name decided.',
	'sibling-labels': 'A Pod is not in the snapshot; it was judged by the labels of another Pod of its workload.',
	'settling-pod': 'A Pod had started less than 30 seconds before, so its policy may not have been in place yet.',
	'created-later': 'A Pod of that name was created after the entry; it was judged by the present one’s labels.',
	'recent-change': 'The cluster’s state had changed less than 30 seconds before, so an older policy may have been in force.',
	'snapshot-lag': 'The snapshot was collected more than 15 minutes before, so the policies may have changed since.',
	'other-policies-present': 'Policies of another kind select the Pod too; they cannot change this.',
};

export const isMissing = (reason: Reason): reason is MissingFact => Object.hasOwn(MISSING, reason);

type Named = Pick<Evidence, 'policyNamespace' | 'policyName'>;

/** `default/api`, or `lockdown` of a kind without a namespace. */
export const policyName = ({ policyNamespace, policyName: name }: Named): string =>
	policyNamespace === undefined ? `${name}` : `${policyNamespace}/${name}`;

/** `ingress rule 0 of default/api`, or `policy default/api` where it is about the whole. */
export const ruleName = (piece: Evidence): string =>
	piece.rule === undefined ? `policy ${policyName(piece)}` : `${piece.direction} rule ${piece.rule} of ${policyName(piece)}`;

/** Only for texts that begin with a word of ours: a name from the input stays as it is. */
export const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `a, b and c`. */
export const joined = (names: readonly string[]): string =>
	names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** The first three, and how many more there are. `count`: of all, where the texts are only the first of them. */
export const some = (texts: readonly string[], count: number = texts.length): string =>
	count > 3 ? `${texts.slice(0, 3).join(', ')} and ${count - 3} more` : joined(texts);

import { CONSTRUCTS, type ConstructId } from './constructs.ts';
import { describePeer, describePort } from './describe.ts';
import type { End, Evidence, Hint, Judgement, MissingFact, Reason } from './finding.ts';
import { hashText } from './hash.ts';
import type { Direction } from './model.ts';
import { CALICO } from './semantics.ts';

/**
 * The judgement in words, for someone who reads it at 3 a.m.: what happened, because of which policy, rule and clause, and what to do.
 * Deterministic; names come from the input as they are, so escape them where they are shown.
 */
export function summarize(judgement: Judgement): string {
	return sentences(judgement).join(' ');
}

function sentences(judgement: Judgement): string[] {
	const { evidence, flow } = judgement;
	const what = describeFlow(judgement);
	const denied = evidence.filter(({ role }) => role === 'isolates');
	switch (judgement.finding) {
		case 'explicit-deny':
			return [`Denied by name: ${denied.map(policyName).join(', ')} denies ${what}.`];
		case 'not-isolated':
			return [
				`Denied, yet no policy isolates ${describeEnd(judgement.subject)} for ${flow.direction} on Dataplane V2: ${what}.`,
				...hintSentences(judgement),
			];
		case 'contradicted':
			return [contradiction(judgement, what), ...hintSentences(judgement)];
		case 'explained':
			return [
				`Denied as before the move: ${isolators(denied)} ${describeEnd(judgement.subject)} for ${flow.direction} and no rule admits ${what}.`,
				...nearMisses(judgement),
				...hintSentences(judgement),
			];
		case 'overreach':
			return [
				`Denied only since the move: ${what}. Before, nothing isolated ${describeEnd(judgement.subject)} for ${flow.direction}.`,
				...reasonsWhy(judgement),
			];
		case 'void-rule':
			return [`Broken by the move: ${what}.`, ...reasonsWhy(judgement)];
		case 'newly-open':
			return [`Open only since the move: ${what} was denied before.`, ...reasonsWhy(judgement)];
		case 'confirmed':
			return [`Allowed as before the move: ${what}.`, beforeSentence(judgement), ...reasonsWhy(judgement), ...hintSentences(judgement)];
		case 'undecidable':
			return undecided(judgement, what);
		default:
			return judgement.finding satisfies never;
	}
}

const MISSING: Readonly<Record<MissingFact, string>> = {
	'no-snapshot': 'there is no snapshot of the cluster for that time',
	'stale-snapshot': 'the snapshot is older than the policies may be',
	'unknown-subject': 'the enforced end is no Pod of the snapshot',
	'unknown-peer': 'the other end is a Pod that the snapshot does not hold, and a selector may match it',
	'unreadable-policy': 'a policy that may select the Pod could not be read',
	'other-policy-kind': 'a policy of another kind may decide it',
	'unreadable-kind': 'policies of another kind could not be listed',
	'dns-cache-unknown': 'it is not known whether NodeLocal DNSCache is on',
	'self-traffic': 'the specification leaves open whether a Pod reaches itself',
};

const HINTS: Readonly<Record<Hint, string>> = {
	'late-reply': 'The ports look like a late reply to a connection that was already closed.',
	'policies-differ': 'The entry names none of the policies that should admit it.',
	'policy-named-on-deny': 'The entry names a policy, of a kind that cannot deny.',
	'renamed-in-logs': 'The entry names the policy by an annotation, not by the object’s name.',
	'multi-network': 'A policy for an additional network selects the Pod too; it does not count here.',
	'name-address-mismatch': 'A Pod’s name and address disagree with the snapshot; the name decided.',
	'sibling-labels': 'A Pod is not in the snapshot; it was judged by the labels of another Pod of its workload.',
	'settling-pod': 'A Pod had started less than 30 seconds before, so its policy may not have been in place yet.',
	'recent-change': 'The cluster’s state had changed less than 30 seconds before, so an older policy may have been in force.',
	'snapshot-lag': 'The state was collected more than 15 minutes before.',
	'other-policies-present': 'Policies of another kind select the Pod too; they cannot change this.',
};

const isMissing = (reason: Reason): reason is MissingFact => reason in MISSING;

const hintSentences = ({ reasons }: Judgement): string[] => reasons.flatMap((reason) => (isMissing(reason) ? [] : HINTS[reason]));

function undecided(judgement: Judgement, what: string): string[] {
	const missing = judgement.reasons.filter(isMissing).map((reason) => MISSING[reason]);
	const who = judgement.evidence.filter(({ role, policyName: name }) => role === 'may-decide' && name !== undefined);
	const named = who.length === 0 ? '' : ` (${joined(who.map((piece) => `${piece.policyKind} ${policyName(piece)}`))})`;
	const wouldBe = judgement.evidence.find(({ role }) => role === 'would-be')?.detail;
	const otherwise = wouldBe === undefined ? [] : [`Without that it would be ${wouldBe}.`];
	return [`Not decided: ${what}, because ${missing.join(', and ')}${named}.`, ...otherwise, ...hintSentences(judgement)];
}

function contradiction({ flow, evidence }: Judgement, what: string): string {
	const admits = evidence.filter(({ role }) => role === 'admits');
	if (admits.length > 0)
		return `Denied, although ${admits.map(ruleName).join(', ')} admits it under every candidate for Dataplane V2: ${what}.`;
	const isolates = evidence.filter(({ role }) => role === 'isolates');
	return `Allowed, although ${isolators(isolates)} the Pod for ${flow.direction} and no rule admits it under any candidate for Dataplane V2: ${what}.`;
}

const isolators = (pieces: readonly Evidence[]): string =>
	`${joined(pieces.map(policyName))} ${pieces.length === 1 ? 'isolates' : 'isolate'}`;

function beforeSentence({ verdicts, evidence, subject, flow }: Judgement): string {
	if (verdicts && !(verdicts.isolated & CALICO)) return `No policy isolated ${describeEnd(subject)} for ${flow.direction} before.`;
	const admits = evidence.filter(({ role }) => role === 'admits').map(ruleName);
	return admits.length > 0
		? `${capitalise(joined(admits))} ${admits.length === 1 ? 'admits' : 'admit'} it.`
		: 'The Pod’s own node may always reach it.';
}

const nearMisses = (judgement: Judgement): string[] =>
	judgement.evidence.filter(({ role }) => role === 'near-miss').map((piece) => `${capitalise(nearMissText(piece, judgement))}.`);

/** `ingress rule 1 of default/api admits TCP 8080, this was TCP 9090`. */
function nearMissText(piece: Evidence, { flow, peer }: Judgement): string {
	const { peers = [], ports = [] } = piece.source ?? {};
	const port = flow.port === undefined ? flow.protocol : `${flow.protocol} ${flow.port}`;
	if (piece.clause === 'ports') return `${ruleName(piece)} admits ${some(ports.map(describePort))}, this was ${port}`;
	return `${ruleName(piece)} admits ${some(peers.map(describePeer))}, this was ${describeEnd(peer)}`;
}

const some = (texts: readonly string[]): string =>
	texts.length > 3 ? `${texts.slice(0, 3).join(', ')} and ${texts.length - 3} more` : joined(texts);

/** What a piece of evidence says beyond its columns, in words; null where the columns say all. */
export function detailOf(piece: Evidence, judgement: Judgement): string | null {
	if (piece.detail !== undefined) return piece.detail;
	if (piece.role === 'near-miss') return nearMissText(piece, judgement);
	return piece.construct === undefined ? null : CONSTRUCTS[piece.construct].explanation;
}

/** One sentence for each construct that made a difference, with the rule it concerns and what to write instead. */
function reasonsWhy({ evidence, finding }: Judgement): string[] {
	const seen = new Set<string>();
	const texts: string[] = [];
	for (const piece of evidence) {
		if (piece.construct === undefined || seen.has(`${piece.construct} ${policyName(piece)} ${piece.rule}`)) continue;
		seen.add(`${piece.construct} ${policyName(piece)} ${piece.rule}`);
		texts.push(whySentence(piece, piece.construct, finding));
	}
	return texts;
}

function whySentence(piece: Evidence, construct: ConstructId, finding: Judgement['finding']): string {
	const { explanation, suggestion } = CONSTRUCTS[construct];
	if (finding === 'confirmed' && construct === 'policy-types-overreach')
		return `${capitalise(explanation)}: that is why ${policyName(piece)} takes part here, and why the log names it. It changes nothing for this flow.`;
	if (piece.policyName === undefined) return `${capitalise(piece.detail ?? explanation)}.`;
	const clause = piece.clause === undefined ? '' : ` (${position(piece)}${piece.clause})`;
	const text = `${ROLE_SENTENCES[piece.role](ruleName(piece), clause)}${explanation}.`;
	return finding === 'confirmed' ? text : `${text} ${capitalise(suggestion)}.`;
}

/** What the rule or policy of a piece of evidence does, up to the explanation of its construct. */
const ROLE_SENTENCES: Record<Evidence['role'], (rule: string, clause: string) => string> = {
	void: (rule, clause) => `${capitalise(rule)} admits it${clause}, but `,
	opens: (rule, clause) => `${capitalise(rule)} opens it${clause}: `,
	isolates: (rule, clause) => `${capitalise(rule)} isolates it${clause}: `,
	admits: (rule, clause) => `${capitalise(rule)} admits it${clause}: `,
	'near-miss': (rule, clause) => `${capitalise(rule)} comes nearest${clause}: `,
	'would-be': (rule, clause) => `${capitalise(rule)}${clause}: `,
	'may-decide': (rule, clause) => `${capitalise(rule)} may decide it${clause}: `,
	'stand-in': (rule, clause) => `${capitalise(rule)}${clause}: `,
};

const position = ({ peer, port }: Evidence): string =>
	peer !== undefined ? `peer ${peer}, ` : port !== undefined ? `port entry ${port}, ` : '';

const policyName = ({ policyNamespace, policyName: name }: Evidence): string =>
	policyNamespace === undefined ? `${name}` : `${policyNamespace}/${name}`;
const ruleName = (piece: Evidence): string =>
	piece.rule === undefined ? policyName(piece) : `${piece.direction} rule ${piece.rule} of ${policyName(piece)}`;

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const joined = (names: readonly string[]): string =>
	names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** `default/pod1 (10.32.2.8)`, `node gke-1 (10.128.0.2)`, `203.0.113.7`. */
export function describeEnd({ kind, namespace, name, ip }: End): string {
	const address = ip === undefined ? '' : ` (${ip})`;
	switch (kind) {
		case 'pod':
			return `${namespace}/${name}`;
		case 'host-network-pod':
			return `${namespace}/${name} on the host network${address}`;
		case 'unknown':
			return `${namespace}/${name} (not in the snapshot)`;
		case 'node':
			return `node ${name}${address}`;
		case 'service':
			return `Service ${namespace}/${name}${address}`;
		case 'well-known':
			return `${name}${address}`;
		case 'external':
			return ip ?? 'an unknown address';
		default:
			return kind satisfies never;
	}
}

function describeFlow({ flow, subject, peer }: Judgement): string {
	const [source, destination]: [End, End] = flow.direction === 'ingress' ? [peer, subject] : [subject, peer];
	const port = flow.port === undefined ? '' : ` ${flow.port}`;
	return `${describeEnd(source)} to ${describeEnd(destination)} on ${flow.protocol}${port}`;
}

/** The cluster that an entry is of, as far as it says. */
interface Cluster {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
}

/**
 * What makes two findings the same problem, as one line: cluster, finding, construct, direction, subject workload, peer workload (or the
 * rule's CIDR, `node`, `external`), port, protocol, policy and the hash of its rule's content, so that moving a rule changes nothing.
 */
export function fingerprint(judgement: Judgement, cluster: Cluster): string {
	const { finding, flow, subject, peer, evidence, reasons } = judgement;
	const deciding = evidence.find(({ construct }) => construct !== undefined) ?? evidence.find(({ policyName: name }) => name !== undefined);
	const port = reasons.includes('late-reply') ? 'ephemeral' : `${flow.port ?? '-'}`;
	return [
		`${cluster.project ?? '-'}/${cluster.location}/${cluster.name}`,
		finding,
		deciding?.construct ?? '-',
		flow.direction satisfies Direction,
		workloadOf(subject) ?? '-',
		workloadOf(peer) ?? cidrOf(deciding) ?? (peer.kind === 'external' ? 'external' : peer.kind),
		port,
		flow.protocol,
		deciding?.policyName === undefined ? '-' : policyName(deciding),
		deciding?.source === undefined ? '-' : hashText(JSON.stringify(deciding.source)),
	]
		.map((part) => part.replaceAll('|', '%7C'))
		.join('|');
}

const workloadOf = ({ namespace, workload, name, kind }: End): string | undefined => {
	if (namespace === undefined || kind === 'service') return undefined;
	return workload ? `${namespace}/${workload.kind}/${workload.name}` : `${namespace}/Pod/${name}`;
};

const cidrOf = (piece: Evidence | undefined): string | undefined =>
	piece?.peer === undefined ? undefined : piece.source?.peers[piece.peer]?.ipBlock?.cidr;

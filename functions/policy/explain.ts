import { CONSTRUCTS } from './constructs.ts';
import { describePeer, describePort } from './describe.ts';
import { nearMiss } from './evidence.ts';
import type { End, Evidence, Hint, Judgement, Verdicts } from './finding.ts';
import { escapePart } from './fingerprint.ts';
import { hashText } from './hash.ts';
import type { Direction, PolicyRule } from './model.ts';
import { CALICO } from './semantics.ts';
import { reasonsWhy } from './why.ts';
import { capitalise, HINTS, isMissing, joined, MISSING, policyName, ruleName, some } from './wording.ts';
import { workloadOfUnknown } from './workload.ts';

/**
 * The judgement in words, for someone who reads it at 3 a.m.: what happened, because of which policy, rule and clause, and what to do.
 * Deterministic; names come from the input as they are, so escape them where they are shown.
 */
export function summarize(judgement: Judgement, evidence: readonly Evidence[] = evidenceOf(judgement)): string {
	return sentences(judgement, evidence).join(' ');
}

/** All evidence of a judgement: an explained denial also has the near miss, for which only an explanation looks. */
export function evidenceOf(judgement: Judgement): readonly Evidence[] {
	const { finding, evidence, verdicts } = judgement;
	const near = finding === 'explained' && verdicts ? nearMiss(verdicts) : undefined;
	return near ? [...evidence, { ...near, detail: nearMissText(near, judgement) }] : evidence;
}

/** `evidence`: all of it. */
function sentences(judgement: Judgement, evidence: readonly Evidence[]): string[] {
	const { flow } = judgement;
	const what = describeFlow(judgement);
	const denied = evidence.filter(({ role }) => role === 'isolates');
	switch (judgement.finding) {
		case 'explicit-deny':
			return [
				`Denied by name: ${joined(denied.map(policyName))} ${denied.length === 1 ? 'denies' : 'deny'} ${what}.`,
				...hintSentences(judgement),
			];
		case 'not-isolated':
			return [
				`Denied, yet no policy isolates ${describeEnd(judgement.subject)} for ${flow.direction} on Dataplane V2: ${what}.`,
				...reasonsWhy(judgement),
				...hintSentences(judgement),
			];
		case 'contradicted':
			return [...contradiction(judgement, what), ...reasonsWhy(judgement), ...hintSentences(judgement)];
		case 'explained':
			return [
				`Denied as before the move: ${isolators(denied)} ${describeEnd(judgement.subject)} for ${flow.direction} and no rule admits ${what}.`,
				...nearMisses(evidence),
				...reasonsWhy(judgement),
				...hintSentences(judgement),
			];
		case 'overreach':
			return [
				`Denied only since the move: ${what}. Before, nothing isolated ${describeEnd(judgement.subject)} for ${flow.direction}.`,
				...reasonsWhy(judgement),
				...hintSentences(judgement),
			];
		case 'void-rule':
			return [`Broken by the move: ${what}.`, ...reasonsWhy(judgement), ...hintSentences(judgement)];
		case 'newly-open':
			return [`Open only since the move: ${what} was denied before.`, ...reasonsWhy(judgement), ...hintSentences(judgement)];
		case 'confirmed':
			return [`Allowed as before the move: ${what}.`, beforeSentence(judgement), ...reasonsWhy(judgement), ...hintSentences(judgement)];
		case 'undecidable':
			return undecided(judgement, what);
		default:
			return judgement.finding satisfies never;
	}
}

const hintSentences = ({ reasons }: Judgement): string[] =>
	reasons.filter((reason) => !isMissing(reason)).map((reason) => HINTS[reason as Hint]);

function undecided(judgement: Judgement, what: string): string[] {
	const missing = judgement.reasons.filter(isMissing).map((reason) => MISSING[reason]);
	const who = judgement.evidence
		.filter(({ role }) => role === 'may-decide')
		.map((piece) => (piece.policyName === undefined ? `${piece.policyKind}` : `${piece.policyKind} ${policyName(piece)}`));
	const named = who.length === 0 ? '' : ` (${joined(who)})`;
	const wouldBe = judgement.evidence.find(({ role }) => role === 'would-be')?.detail;
	const otherwise = wouldBe === undefined ? [] : [`If that makes no difference, it is ${wouldBe}.`];
	return [
		`Not decided: ${what}, because ${missing.join(', and ')}${named}.`,
		...otherwise,
		...reasonsWhy(judgement),
		...hintSentences(judgement),
	];
}

function contradiction(judgement: Judgement, what: string): string[] {
	const { flow, evidence, subject } = judgement;
	const wrong = 'The snapshot, or what is known of Dataplane V2, is wrong here.';
	// Policies that isolate, as such, are evidence only where every candidate denies.
	const isolates = evidence.filter(({ role, construct }) => role === 'isolates' && construct === undefined);
	if (isolates.length === 0)
		return [`Denied, although no candidate for Dataplane V2 denies it: ${what}.`, admissionSentence(judgement), wrong];
	return [
		`Allowed, although every candidate for Dataplane V2 denies it: ${what}.`,
		`${isolators(isolates)} ${describeEnd(subject)} for ${flow.direction} and no rule admits it there.`,
		wrong,
	];
}

const isolators = (pieces: readonly Evidence[]): string =>
	`${joined(pieces.map(policyName))} ${pieces.length === 1 ? 'isolates' : 'isolate'}`;

function beforeSentence(judgement: Judgement): string {
	const { verdicts, subject, flow } = judgement;
	if (verdicts && !(verdicts.isolated & CALICO)) return `No policy isolated ${describeEnd(subject)} for ${flow.direction} before.`;
	return admissionSentence(judgement);
}

/** By which rules the flow is admitted, or why it needs none. */
function admissionSentence({ evidence, verdicts }: Judgement): string {
	const admits = evidence.filter(({ role }) => role === 'admits').map(ruleName);
	if (admits.length > 0) return `${capitalise(some(admits))} ${admits.length === 1 ? 'admits' : 'admit'} it.`;
	return exemption(verdicts);
}

const exemption = (verdicts: Verdicts | undefined): string =>
	verdicts && verdicts.exempt & CALICO
		? 'The Pod’s own node may always reach it.'
		: 'Without an identity of their own, other nodes count as the Pod’s own node.';

const nearMisses = (evidence: readonly Evidence[]): string[] =>
	evidence.filter(({ role }) => role === 'near-miss').map(({ detail = '' }) => `${capitalise(detail)}.`);

/** `nearest is ingress rule 1 of default/api: it admits only TCP 8080, and this was TCP 9090`. */
function nearMissText(piece: Evidence, { flow, peer }: Judgement): string {
	const { peers = '', ports = '' } = piece.source ? textsOf(piece.source) : {};
	const rule = `nearest is ${ruleName(piece)}: it admits only`;
	if (piece.clause !== 'ports') return `${rule} ${peers}, and this was ${describeEnd(peer)}`;
	return `${rule} ${ports}, and this was ${flow.port === undefined ? flow.protocol : `${flow.protocol} ${flow.port}`}`;
}

/** What is said of a rule whichever flow met it. */
interface RuleTexts {
	readonly peers: string;
	readonly ports: string;
	readonly hash: string;
}

/** A snapshot has few rules, and each meets many entries. */
const ruleTexts = new WeakMap<PolicyRule, RuleTexts>();

function textsOf(rule: PolicyRule): RuleTexts {
	const known = ruleTexts.get(rule);
	if (known) return known;
	const texts = {
		peers: some(rule.peers.map(describePeer)),
		ports: some(rule.ports.map(describePort)),
		hash: hashText(JSON.stringify(rule)),
	};
	ruleTexts.set(rule, texts);
	return texts;
}

/** What a piece of evidence says beyond its columns, in words; null where the columns say all. */
export const detailOf = ({ detail, construct }: Evidence): string | null =>
	detail ?? (construct === undefined ? null : CONSTRUCTS[construct].explanation);

/** `default/pod1 (10.32.2.8)`, `node gke-1 (10.128.0.2)`, `203.0.113.7`. */
export function describeEnd({ kind, ip, endpoint: { namespace, name } }: End): string {
	const address = ip === undefined ? '' : ` (${ip})`;
	switch (kind) {
		case 'pod':
			return `${namespace}/${name}`;
		case 'host-network-pod':
			return `${namespace}/${name} on the host network${address}`;
		case 'unknown':
			return name === undefined ? `${ip} (a Pod that is not in the snapshot)` : `${namespace}/${name} (not in the snapshot)`;
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
export interface Cluster {
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
	const [deciding] = evidence;
	const port = reasons.includes('late-reply') ? 'ephemeral' : `${flow.port ?? '-'}`;
	const parts = [
		`${cluster.project ?? '-'}/${cluster.location}/${cluster.name}`,
		finding,
		deciding?.construct ?? '-',
		flow.direction satisfies Direction,
		workloadOf(subject) ?? (subject.kind === 'unknown' ? 'pod' : '-'),
		workloadOf(peer) ?? cidrOf(deciding) ?? (peer.kind === 'unknown' ? 'pod' : peer.kind),
		port,
		flow.protocol,
		deciding?.policyName === undefined ? '-' : policyName(deciding),
		deciding?.source === undefined ? '-' : textsOf(deciding.source).hash,
	];
	const line = parts.join('|');
	return NOTHING_TO_ESCAPE.test(line) ? line : parts.map(escapePart).join('|');
}

/** Ten parts. */
const NOTHING_TO_ESCAPE = /^[^%|]*(?:\|[^%|]*){9}$/;

/** Of a Pod, whatever its name's random part. */
function workloadOf({ kind, endpoint: { namespace, name, workload } }: End): string | undefined {
	if (namespace === undefined || name === undefined || kind === 'service') return undefined;
	const lasting = kind === 'unknown' || !workload ? workloadOfUnknown(name, workload) : workload;
	return `${namespace}/${lasting.kind}/${lasting.name}`;
}

const cidrOf = (piece: Evidence | undefined): string | undefined =>
	piece?.peer === undefined ? undefined : piece.source?.peers[piece.peer]?.ipBlock?.cidr;

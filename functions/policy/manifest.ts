import {
	field,
	isFields,
	type Reading,
	type Remark,
	readList,
	readObject,
	readText,
	readTexts,
	refuse,
	shown,
	startReading,
	warnUnknown,
} from './fields.ts';
import { hashText } from './hash.ts';
import { checkLabel, readLabelSelector } from './label-selector.ts';
import { ANNOTATIONS, type Direction, type LabelSelector, type NetworkPolicy } from './model.ts';
import { dnsLabelProblem, labelKeyProblem, subdomainProblem } from './names.ts';
import { readRules } from './rule.ts';

/** What a NetworkPolicy object was read as. Warnings are what the API server says or should say, and takes the object nevertheless. */
export type ManifestResult =
	| { readonly kind: 'ok'; readonly policy: NetworkPolicy; readonly warnings: readonly Remark[] }
	| {
			readonly kind: 'refused';
			readonly namespace: string;
			/** As far as it can be read; empty where it cannot. */
			readonly name: string;
			readonly problems: readonly Remark[];
			readonly warnings: readonly Remark[];
			/** Where that part is readable: the Pods that the policy would isolate. */
			readonly podSelector?: LabelSelector;
	  };

const NETWORKING_GROUP = 'networking.k8s.io/';
const METADATA_FIELDS = [
	'name',
	'generateName',
	'namespace',
	'labels',
	'annotations',
	'uid',
	'resourceVersion',
	'generation',
	'creationTimestamp',
	'deletionTimestamp',
	'deletionGracePeriodSeconds',
	'ownerReferences',
	'finalizers',
	'managedFields',
	'selfLink',
];
const DEFAULT_NAMESPACE = 'default';
const MAX_NAME = 253;
/** A generated name is cut to this length before its random ending. */
const MAX_GENERATED_BASE = 58;
const GENERATED_ENDING = 5;
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** A NetworkPolicy by apiVersion *and* kind: Calico's own policy is also `kind: NetworkPolicy`. */
export function isNetworkPolicy(object: unknown): boolean {
	if (!isFields(object) || field(object, 'kind') !== 'NetworkPolicy') return false;
	const apiVersion = field(object, 'apiVersion');
	return typeof apiVersion === 'string' && apiVersion.startsWith(NETWORKING_GROUP);
}

/**
 * Reads a NetworkPolicy object: API defaulting and API validation. `strict` as today's API server takes a manifest; without it, as
 * leniently as older servers stored it (CIDRs with host bits, leading zeros or IPv4-mapped). Never throws.
 * Source: pkg/apis/networking (defaults, validation) of kube-apiserver.
 */
export function parseNetworkPolicy(object: unknown, strict: boolean): ManifestResult {
	const reading = startReading(strict);
	const root = isFields(object) ? object : {};
	if (root !== object) refuse(reading, '', `must be an object (${shown(object)})`);
	checkKind(root, reading);
	// Servers of 1.24 to 1.27 gave the objects a status.
	warnUnknown(root, ['apiVersion', 'kind', 'metadata', 'spec', ...(strict ? [] : ['status'])], { path: '', reading });
	const metadata = readMetadata(field(root, 'metadata'), reading);
	const spec = readSpec(field(root, 'spec'), reading);
	const { problems, warnings } = reading;
	const { namespace, annotations } = metadata;
	if (problems.length > 0 || !spec.podSelector) {
		const podSelector = spec.podSelector && { podSelector: spec.podSelector };
		return { kind: 'refused', namespace, name: metadata.name, problems, warnings, ...podSelector };
	}
	const { podSelector, types, ingress, egress } = spec;
	const name = metadata.name || generatedName(metadata.generateName, { podSelector, types, ingress, egress });
	return { kind: 'ok', policy: { namespace, name, ...(annotations && { annotations }), podSelector, types, ingress, egress }, warnings };
}

function checkKind(root: Readonly<Record<string, unknown>>, reading: Reading): void {
	const kind = field(root, 'kind');
	if (kind !== 'NetworkPolicy') refuse(reading, 'kind', `must be NetworkPolicy (${shown(kind)})`);
	const apiVersion = field(root, 'apiVersion');
	const known = reading.strict
		? apiVersion === `${NETWORKING_GROUP}v1`
		: typeof apiVersion === 'string' && apiVersion.startsWith(NETWORKING_GROUP);
	if (!known) refuse(reading, 'apiVersion', `must be ${NETWORKING_GROUP}v1 (${shown(apiVersion)})`);
}

interface Metadata {
	readonly namespace: string;
	readonly name: string;
	readonly generateName: string;
	readonly annotations: Readonly<Record<string, string>> | undefined;
}

function readMetadata(value: unknown, reading: Reading): Metadata {
	const metadata = readObject(value, 'metadata', reading) ?? {};
	warnUnknown(metadata, METADATA_FIELDS, { path: 'metadata', reading });
	const name = readText(field(metadata, 'name'), 'metadata.name', reading) ?? '';
	const generateName = readText(field(metadata, 'generateName'), 'metadata.generateName', reading) ?? '';
	const namespace = readText(field(metadata, 'namespace'), 'metadata.namespace', reading) || DEFAULT_NAMESPACE;
	if (name === '' && generateName === '') refuse(reading, 'metadata.name', 'must be given');
	const nameProblem = name === '' ? generateName && subdomainProblem(`${generateName}x`) : subdomainProblem(name);
	if (nameProblem)
		refuse(reading, name === '' ? 'metadata.generateName' : 'metadata.name', `${nameProblem} (${shown(name || generateName)})`);
	const namespaceProblem = dnsLabelProblem(namespace);
	if (namespaceProblem) refuse(reading, 'metadata.namespace', `${namespaceProblem} (${shown(namespace)})`);
	const labels = readTexts(field(metadata, 'labels'), 'metadata.labels', reading) ?? {};
	for (const [key, label] of Object.entries(labels)) checkLabel(key, label, { path: 'metadata.labels', reading });
	const annotations = readTexts(field(metadata, 'annotations'), 'metadata.annotations', reading) ?? {};
	checkAnnotations(annotations, reading);
	const kept = ANNOTATIONS.filter((key) => Object.hasOwn(annotations, key)).map((key) => [key, annotations[key] ?? ''] as const);
	return {
		namespace: namespace.slice(0, MAX_NAME),
		name: name.slice(0, MAX_NAME),
		generateName,
		annotations: kept.length > 0 ? Object.fromEntries(kept) : undefined,
	};
}

function checkAnnotations(annotations: Readonly<Record<string, string>>, reading: Reading): void {
	let size = 0;
	for (const [key, value] of Object.entries(annotations)) {
		const problem = labelKeyProblem(key.toLowerCase());
		if (problem) refuse(reading, 'metadata.annotations', `the key ${problem} (${shown(key)})`);
		size += key.length + value.length;
	}
	if (size > MAX_ANNOTATION_BYTES) refuse(reading, 'metadata.annotations', `must have no more than ${MAX_ANNOTATION_BYTES} bytes`);
}

/** The API server ends a generated name at random. Here it ends in a hash of the content: the same manifest has the same name. */
function generatedName(base: string, content: unknown): string {
	return `${base.slice(0, MAX_GENERATED_BASE)}${hashText(JSON.stringify(content)).slice(0, GENERATED_ENDING)}`;
}

function readSpec(value: unknown, reading: Reading) {
	const object = readObject(value, 'spec', reading);
	if (!object) return { podSelector: undefined, types: [], ingress: [], egress: [] };
	warnUnknown(object, ['podSelector', 'ingress', 'egress', 'policyTypes'], { path: 'spec', reading });
	// "An empty podSelector matches all pods in this namespace"; an absent one is stored as empty.
	const podSelector = readLabelSelector(field(object, 'podSelector'), 'spec.podSelector', reading);
	const ingress = readRules(field(object, 'ingress'), 'ingress', reading);
	const egress = readRules(field(object, 'egress'), 'egress', reading);
	const types = readTypes(field(object, 'policyTypes'), egress.length > 0, reading);
	return { podSelector, types, ingress, egress };
}

/** "If this field is not specified, it will default based on the existence of ingress or egress rules": Ingress always, Egress with rules. */
function readTypes(value: unknown, hasEgress: boolean, reading: Reading): Direction[] {
	const listed = readList(value, 'spec.policyTypes', reading) ?? [];
	if (listed.length === 0) return hasEgress ? ['ingress', 'egress'] : ['ingress'];
	if (listed.length > 2) refuse(reading, 'spec.policyTypes', `must not have more than two entries (${listed.length})`);
	for (const [index, item] of listed.slice(0, 2).entries()) {
		const path = `spec.policyTypes[${index}]`;
		const text = readText(item, path, reading);
		if (text !== undefined && text !== 'Ingress' && text !== 'Egress') refuse(reading, path, `must be Ingress or Egress (${shown(text)})`);
	}
	return (['ingress', 'egress'] as const).filter((type) => listed.includes(type === 'ingress' ? 'Ingress' : 'Egress'));
}

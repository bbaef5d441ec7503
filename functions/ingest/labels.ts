import type { Labels } from '../policy/model.ts';

/** What controllers give their Pods: each revision, run or Pod has another value, so no rule selects by them. */
const GENERATED: ReadonlySet<string> = new Set([
	'pod-template-hash',
	'pod-template-generation',
	'controller-revision-hash',
	'controller-uid',
	'job-name',
	'statefulset.kubernetes.io/pod-name',
	'apps.kubernetes.io/pod-index',
	'batch.kubernetes.io/controller-uid',
	'batch.kubernetes.io/job-name',
	'batch.kubernetes.io/job-completion-index',
]);

const MAX_CHARACTERS = 1000;

/** Made once a Pod: there are few of them, and many rows. */
const texts = new WeakMap<Labels, string | null>();

/** Labels as `kubectl` prints them, sorted: `app=cart,tier=web`, cut to 1,000 characters. Null where nothing is left to select by. */
export function labelText(labels: Labels): string | null {
	let text = texts.get(labels);
	if (text === undefined) {
		text = format(labels);
		texts.set(labels, text);
	}
	return text;
}

function format(labels: Labels): string | null {
	const kept = Object.entries(labels).filter(([key]) => !GENERATED.has(key));
	const text = kept
		.map(([key, value]) => `${key}=${value}`)
		.sort()
		.join(',')
		// An API server has neither; a file may, and no column can hold them.
		.replaceAll('\0', '\ufffd')
		.toWellFormed();
	if (text === '') return null;
	return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 1).toWellFormed()}…` : text;
}

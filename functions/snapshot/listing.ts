import { field, isFields } from '../policy/fields.ts';
import type { KubernetesApi } from '../ports.ts';
import { createReducer, type Reducer } from './objects.ts';

/** What became of the list of a kind. `count`: objects that it had, readable or not. */
export type Listing =
	| { readonly kind: 'listed'; readonly reducer: Reducer; readonly count: number }
	/** The server does not tell us, or no longer has the kind. */
	| { readonly kind: 'forbidden' }
	| { readonly kind: 'absent' }
	/** What answers for the kind is down. */
	| { readonly kind: 'unavailable'; readonly detail: string };

export interface ListOptions {
	/** Of the list, without a query. */
	readonly path: string;
	/** Objects a page, to begin with. */
	readonly pageSize: number;
}

/** How often a list is begun again, and how often in a row a server may ask to continue with another token. */
const MAX_RESTARTS = 3;
const MAX_EXPIRED = 3;
/** Five million objects: what has more pages has no end. */
const MAX_PAGES = 10_000;

/**
 * Reads a list in pages. Each is reduced and forgotten, so that one page at a time is in memory. Rejects where there is no answer, or no
 * end. Continue tokens hold names: they stand in no message, which is why messages have the path alone.
 */
export async function readListing(api: KubernetesApi, options: ListOptions): Promise<Listing> {
	for (let attempt = 0; attempt <= MAX_RESTARTS; attempt++) {
		const listing = await readPages(api, options);
		if (listing.kind !== 'restart') return listing;
	}
	throw new Error(`${options.path}: its pages expired ${MAX_RESTARTS + 1} times before the last one was read`);
}

/** "410: start again", where the server gives no token to go on with. What the abandoned attempt had read goes with its reducer. */
async function readPages(api: KubernetesApi, { path, pageSize }: ListOptions): Promise<Listing | { readonly kind: 'restart' }> {
	const reducer = createReducer();
	let count = 0;
	let token = '';
	let expired = 0;
	let limit = pageSize;
	for (let request = 0; request < MAX_PAGES; request++) {
		const answer = await api.get(`${path}?limit=${limit}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`);
		switch (answer.kind) {
			case 'ok': {
				const page = readPage(answer.document, path);
				reducer.add(answer.document, { file: path, live: true });
				count += page.count;
				if (page.token === '') return { kind: 'listed', reducer, count };
				if (page.token === token) throw new Error(`${path}: a page that continues with itself`);
				token = page.token;
				expired = 0;
				break;
			}
			case 'expired':
				// Continued so, the list is of two moments, as a snapshot of several lists is anyway; to begin again could go on for ever.
				if (answer.continueWith === undefined || ++expired > MAX_EXPIRED) return { kind: 'restart' };
				token = answer.continueWith;
				break;
			case 'too-large':
				// Whoever may create objects can make them large: they must not keep the whole cluster from being read.
				if (limit === 1) throw new Error(`GET ${path}: ${answer.detail}`);
				limit = Math.ceil(limit / 2);
				break;
			case 'absent':
			case 'forbidden':
				return { kind: answer.kind };
			case 'unavailable':
				return answer;
			default:
				answer satisfies never;
		}
	}
	throw new Error(`${path}: more than ${MAX_PAGES} pages`);
}

/** An answer that is no list must not pass for an empty one. */
function readPage(document: unknown, path: string): { readonly token: string; readonly count: number } {
	const kind = isFields(document) ? field(document, 'kind') : undefined;
	const items = isFields(document) ? (field(document, 'items') ?? []) : undefined;
	if (
		!isFields(document) ||
		typeof kind !== 'string' ||
		!kind.endsWith('List') ||
		!Object.hasOwn(document, 'items') ||
		!Array.isArray(items)
	)
		throw new Error(`${path}: the answer is no list`);
	const metadata = field(document, 'metadata');
	const token = isFields(metadata) ? field(metadata, 'continue') : undefined;
	return { token: typeof token === 'string' ? token : '', count: items.length };
}

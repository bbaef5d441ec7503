import type { Readable } from 'node:stream';
import { fieldsAt, textAt } from '../ingest/refusal.ts';
import { ORIGIN_ATTRIBUTE } from '../ingest/row.ts';
import { type Fields, isFields } from '../policy/fields.ts';
import { nameOf, readChunks } from './chunks.ts';
import { createSplitter, type Value } from './values.ts';

/** What is delivered: the bytes of one entry as they stood in a file, or in a Pub/Sub message of that file. */
export interface EntryMessage {
	readonly data: Buffer;
	readonly attributes: Readonly<Record<string, string>>;
	readonly publishTime?: string;
}

/**
 * `problem`: input that could not be read. `note`: something worth saying, nothing wrong. `mark`: a place to go on from, once all before it
 * is durable.
 */
export type EntryRead =
	| { readonly kind: 'message'; readonly message: EntryMessage }
	| { readonly kind: 'problem' | 'note'; readonly detail: string }
	| { readonly kind: 'mark'; readonly mark: string };

export interface EntrySources {
	/** Paths; `-` is standard input. */
	readonly paths: readonly string[];
	readonly stdin: Readable;
	readonly signal: AbortSignal;
	/** Told of bytes as they are read, before decompression. */
	readonly onBytes: (bytes: number) => void;
}

/**
 * Reads entries as Cloud Logging and Pub/Sub deliver them to files: a JSON array, one JSON document a line, a single document, or several
 * formatted ones; each a LogEntry or a Pub/Sub message that holds one; gzip or not. Streams: a file of any size takes the memory of an
 * entry. What is no JSON is passed on as it is, so that whoever decodes it can refuse it with its reason.
 */
export async function* readEntries({ paths, stdin, signal, onBytes }: EntrySources): AsyncGenerator<EntryRead> {
	for (const path of paths) {
		const name = nameOf(path);
		try {
			yield* readFrom(name, readChunks({ path, stdin, signal, onBytes }));
		} catch (error) {
			if (signal.aborted) return;
			yield { kind: 'problem', detail: `${name}: cannot be read any further: ${(error as Error).message}` };
		}
	}
}

async function* readFrom(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<EntryRead> {
	const splitter = createSplitter();
	let count = 0;
	const toRead = (value: Value): EntryRead => {
		count++;
		return { kind: 'message', message: toMessage(value, `${name}:${value.line}`) };
	};
	let failure: unknown;
	try {
		for await (const chunk of chunks) for (const value of splitter.push(chunk)) yield toRead(value);
	} catch (error) {
		// What was read of a file that broke off is delivered first.
		failure = error;
	}
	const { values, cut } = splitter.end();
	for (const value of values) yield toRead(value);
	if (failure !== undefined) throw failure;
	if (cut) yield { kind: 'problem', detail: `${name}: ends inside its array, so it may have been cut off` };
	if (count > 0) return;
	if (splitter.sawArray()) yield { kind: 'note', detail: `${name}: an empty array, no entry in it` };
	else yield { kind: 'problem', detail: `${name}: is empty; a query that finds nothing writes an empty array, so it may have failed` };
}

/** The entry's bytes: the value itself, or the data of the Pub/Sub message that it is. */
function toMessage({ bytes }: Value, origin: string): EntryMessage {
	const pubsub = pubsubMessage(bytes);
	if (!pubsub) return { data: bytes, attributes: { [ORIGIN_ATTRIBUTE]: origin } };
	const publishTime = textAt(pubsub, 'publishTime') ?? textAt(pubsub, 'publish_time');
	return {
		data: Buffer.from(textAt(pubsub, 'data') ?? '', 'base64'),
		attributes: { ...textsOf(fieldsAt(pubsub, 'attributes') ?? {}), [ORIGIN_ATTRIBUTE]: origin },
		...(publishTime !== undefined && { publishTime }),
	};
}

const textsOf = (fields: Fields): Record<string, string> =>
	Object.fromEntries(Object.entries(fields).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));

/** `{message: {data, …}}` as pushed and as `gcloud pubsub subscriptions pull` prints it, or the message alone. A LogEntry is neither. */
function pubsubMessage(bytes: Buffer): Fields | undefined {
	const value = parse(bytes);
	if (!isFields(value) || 'logName' in value) return undefined;
	const message = fieldsAt(value, 'message') ?? value;
	const isMessage = textAt(message, 'data') !== undefined || textAt(message, 'messageId') !== undefined;
	return isMessage ? message : undefined;
}

function parse(bytes: Buffer): unknown {
	try {
		return JSON.parse(bytes.toString());
	} catch {
		return undefined;
	}
}

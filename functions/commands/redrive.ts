import { type Command, InvalidArgumentError } from 'commander';
import { type DeadLetter, readDeadLetters } from '../adapters/dead-letters.ts';
import { createPublisher, type Publish } from '../adapters/pubsub.ts';
import { parseTime } from '../policy/time.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { type DatasetName, parseDataset } from './options.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

interface RedriveOptions {
	readonly dataset: DatasetName;
	readonly topic: string;
	readonly since: string;
	readonly dryRun?: boolean;
}

/** Adds `redrive`. */
export function addRedrive(program: Command, execute: Execute): void {
	program
		.command('redrive')
		.description('publish dead letters again: what was judged meanwhile counts once')
		.requiredOption('--dataset <project.dataset>', 'the BigQuery dataset with the table dead_letters_v1', parseDataset)
		.requiredOption('--topic <name>', 'the topic of the entries: projects/PROJECT/topics/TOPIC', parseTopic)
		.requiredOption('--since <time>', 'RFC 3339: those given up from then on', parseSince)
		.option('--dry-run', 'only count them')
		.action(async (options: RedriveOptions) => {
			const letters = readDeadLetters({ ...options.dataset, since: options.since });
			await execute((surroundings) => redrive({ letters, publish: createPublisher(options), ...options }, surroundings));
		});
}

function parseTopic(text: string): string {
	if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(text)) throw new InvalidArgumentError('it must be projects/PROJECT/topics/TOPIC');
	return text;
}

function parseSince(text: string): string {
	const time = parseTime(text);
	if (time === undefined) throw new InvalidArgumentError('it must be an RFC 3339 time, such as 2026-03-04T05:00:00Z');
	return time;
}

/** What the dead-letter policy added; with it the message would look as if it had been given up already. */
const OF_DEAD_LETTER = /^CloudPubSubDeadLetterSource/;
/** Says of a message that it was sent again, and which dead letter it was. */
const REDRIVEN_ATTRIBUTE = 'policy-audit-redriven';

/** A publish waits for Pub/Sub: so many are under way at once. */
const IN_FLIGHT = 50;
/** After so many failures in a row the rest would fail too. */
const GIVE_UP_AFTER = 10;

export interface Redrive {
	readonly letters: AsyncIterable<DeadLetter>;
	readonly publish: Publish;
	readonly dryRun?: boolean;
}

/** Publishes each dead letter once, says what could not be published, and answers with the exit code. */
export async function redrive({ letters, publish, dryRun = false }: Redrive, surroundings: Surroundings): Promise<ExitCode> {
	const { stdout, stderr, signal } = surroundings;
	const complain = (text: string) => stderr.write(`policy-audit: ${printable(text)}\n`);
	const tally = { read: 0, published: 0, failed: 0, failedInRow: 0 };
	// A dead-letter topic may deliver twice; so does the table then.
	const seen = new Set<string>();
	const underWay = new Set<Promise<void>>();
	const send = async ({ messageId, data, attributes }: DeadLetter): Promise<void> => {
		const own = Object.fromEntries(Object.entries(attributes).filter(([key]) => !OF_DEAD_LETTER.test(key)));
		try {
			await publish({ data, attributes: { ...own, [REDRIVEN_ATTRIBUTE]: messageId } });
			tally.published++;
			tally.failedInRow = 0;
		} catch (error) {
			tally.failed++;
			tally.failedInRow++;
			complain(`message ${messageId} was not published: ${(error as Error).message}`);
		}
	};
	try {
		for await (const letter of letters) {
			if (signal.aborted || tally.failedInRow >= GIVE_UP_AFTER) break;
			if (seen.has(letter.messageId)) continue;
			seen.add(letter.messageId);
			tally.read++;
			if (dryRun) continue;
			const sending: Promise<void> = send(letter).finally(() => underWay.delete(sending));
			underWay.add(sending);
			if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
		}
	} catch (error) {
		complain(`the dead letters cannot be read: ${(error as Error).message}`);
		tally.failed++;
	}
	await Promise.all(underWay);
	if (tally.failedInRow >= GIVE_UP_AFTER) complain(`given up after ${GIVE_UP_AFTER} failures in a row`);
	stdout.write(
		dryRun ? `${tally.read} dead letters, none published\n` : `${tally.read} dead letters, ${tally.published} published again\n`,
	);
	if (signal.aborted) return EXIT.interrupted;
	if (tally.failed > 0) return tally.published > 0 ? EXIT.refused : EXIT.nothing;
	return EXIT.done;
}

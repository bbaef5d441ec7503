import type { Posted } from '../ports.ts';
import type { Notice, Rendering } from './alert.ts';
import { alertsOf } from './plan.ts';
import type { RunEvent, RunPorts } from './run.ts';

export interface Posting {
	readonly ports: RunPorts;
	readonly run: string;
	readonly rendering: Rendering;
	/** No message is begun after it, in ms since 1970. */
	readonly untilMs: number;
}

export interface PostedAll {
	readonly messages: number;
	/** Of those, told in the log alone. */
	readonly givenUp: number;
	/** All were posted, and are noted. */
	readonly whole: boolean;
}

/**
 * Posts one after the other, each noted before the next: whoever dies in between tells one of them twice at most. What is not posted is given
 * back, and where that fails too, its claims are no more after a while. Never rejects.
 */
export async function postAll(notices: readonly Notice[], posting: Posting): Promise<PostedAll> {
	const { ports, run, rendering, untilMs } = posting;
	const { store, tell, now } = ports;
	let givenUp = 0;
	const giveBack = async (rest: readonly Notice[]): Promise<void> => {
		const groups = new Set(rest.flatMap((notice) => alertsOf(notice).map(({ group }) => group.id)));
		if (groups.size > 0) await store.withdraw([...groups], run).catch(() => undefined);
	};
	const leave = async (event: Extract<RunEvent, { kind: 'not-posted' }>, index: number): Promise<PostedAll> => {
		tell(event);
		const { id } = notices[index] as Notice;
		// Of what was tried it stays known why it failed: it comes last the next time.
		const tried = event.reason !== 'out-of-time';
		if (tried) await store.release(id, event.detail).catch(() => undefined);
		await giveBack(notices.slice(tried ? index + 1 : index));
		return { messages: index, givenUp, whole: false };
	};
	for (const [index, notice] of notices.entries()) {
		if (now().getTime() >= untilMs)
			return leave({ kind: 'not-posted', reason: 'out-of-time', detail: 'the time of the run was over' }, index);
		const posted = await post(notice, posting);
		if (posted.kind === 'later' || posted.kind === 'broken')
			return leave({ kind: 'not-posted', reason: posted.kind, detail: posted.detail }, index);
		// What refuses everything is no receiver of alerts. Beside a message that was taken, it is the message's fault.
		if (posted.kind === 'refused' && index === givenUp)
			return leave({ kind: 'not-posted', reason: 'broken', detail: `refused: ${posted.detail}` }, index);
		if (posted.kind === 'refused') givenUp++;
		const { channel, ts } = posted.kind === 'posted' ? posted : {};
		try {
			await store.settle(notice.id, {
				at: now().toISOString(),
				...(channel !== undefined && { channel }),
				...(ts !== undefined && { ts }),
				...(posted.kind === 'refused' && { error: posted.detail }),
			});
		} catch (error) {
			tell({ kind: 'not-noted', notice, error });
			await giveBack(notices.slice(index + 1));
			return { messages: index + 1, givenUp, whole: false };
		}
		tell(posted.kind === 'posted' ? { kind: 'posted', notice, rendering } : { kind: 'given-up', notice, rendering, detail: posted.detail });
	}
	return { messages: notices.length, givenUp, whole: givenUp === 0 };
}

async function post(notice: Notice, { ports, rendering, untilMs }: Posting): Promise<Posted> {
	const { channel, render, renderPlain } = ports;
	const thread = channel.threads ? threadOf(notice) : undefined;
	const options = { untilMs, ...(thread !== undefined && { thread }) };
	const posted = await channel.post(render(notice, rendering), options);
	// Better without its form than not at all.
	return posted.kind === 'refused' ? channel.post(renderPlain(notice, rendering), options) : posted;
}

/** That of all its alerts; what was opened by several messages belongs under none of them. */
function threadOf(notice: Notice): string | undefined {
	const threads = new Set(alertsOf(notice).map(({ thread }) => thread));
	return threads.size === 1 ? [...threads][0] : undefined;
}

import { unreachable } from 'uvu/assert';

/** The message with which something is refused; fails where it is not. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
	try {
		await attempt;
	} catch (error) {
		return (error as Error).message;
	}
	return unreachable('it was not refused') as never;
}

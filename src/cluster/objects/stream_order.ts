import type { StreamState } from "@nats-io/jetstream";
import { ObjectsUnavailable } from "../../shared/objects.ts";

/**
 * Whether a stream has lost the order of its messages.
 *
 * A write that fails halfway on a full disk, as the first one of a block, makes nats-server 2.10 forget the last
 * sequence of the stream: it finds no message any more, and gives old sequences to new messages. Its files are intact,
 * and nats-server reads them when it starts. A write before that restart destroys their content.
 *
 * @throws ObjectsUnavailable
 */
export function checkOrder({ messages, first_seq: first, last_seq: last }: StreamState): void {
  const sequences = last + 1 - first;
  if (sequences >= 0 && messages <= sequences) return;
  throw new ObjectsUnavailable("OBJECTS_DAMAGED", { messages, first, last });
}

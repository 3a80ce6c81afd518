import { Sema } from "async-sema";

/**
 * Works on all items, `limit` at a time. After a failure it starts no further item and waits for the running items, so
 * that none is left half done.
 *
 * @throws the first failure
 */
export async function inParallel<Item>(
  limit: number,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const slots = new Sema(limit);
  const failures: unknown[] = [];
  for (const item of items) {
    await slots.acquire();
    if (failures.length > 0) {
      slots.release();
      break;
    }
    void work(item).catch((error) => failures.push(error)).finally(() => slots.release());
  }
  await slots.drain();
  if (failures.length > 0) throw failures[0];
}

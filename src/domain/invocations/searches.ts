import type { InvocationFilter as InvocationSelection } from "../../store/invocation_search.ts";
import type { InvocationOverview, InvocationRecord } from "../../store/invocations.ts";
import type { Page, PageRequest } from "../../store/paging.ts";
import type { Store } from "../../store/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { ALL_FUNCTIONS, anyFunction } from "../references.ts";

/** Which invocations a search finds. */
export type InvocationFilter = Omit<InvocationSelection, "functionId">;

/** Searches for invocations of a function, or of all (`-`). They answer the newest first. */
export class InvocationSearches {
  constructor(private readonly store: Store, private readonly pages: Pages) {}

  /** Whole invocations; a page with much content ends early. */
  whole(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
  ): Promise<ListPage<InvocationRecord>> {
    const read = this.store.read.invocations;
    return this.#search(functionId, filter, query, (search, page) => read.search(search, page));
  }

  /** Invocations without their inputs and outputs. */
  overview(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
  ): Promise<ListPage<InvocationOverview>> {
    const read = this.store.read.invocations;
    return this.#search(functionId, filter, query, (search, page) => read.overview(search, page));
  }

  async #search<Row>(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
    read: (filter: InvocationSelection, page: PageRequest) => Promise<Page<Row>>,
  ): Promise<ListPage<Row>> {
    const id = functionId === ALL_FUNCTIONS
      ? undefined
      : (await anyFunction(this.store.read, functionId)).id;
    const page = this.pages.open(["invocations", functionId, ...selectionOf(filter)], query);
    return page.of(await read({ ...filter, functionId: id }, page));
  }
}

/** What selects the rows of a list. */
function selectionOf(filter: InvocationFilter): unknown[] {
  const { status, since, until, query, parentInvocationId, idPrefix } = filter;
  const { functionIds, triggerKind, errorCode, failed, isParked } = filter;
  const more = [
    ...[functionIds, triggerKind, errorCode],
    ...isParked === true || failed !== undefined ? [isParked, failed] : [],
  ];
  return [status, since, until, query, parentInvocationId, idPrefix, ...more];
}

/** How much of each invocation a list answers: https://google.aip.dev/157. */
import { z } from "@hono/zod-openapi";
import type { InvocationFilter, InvocationSearches } from "../../domain/invocations/searches.ts";
import type { FunctionScope } from "../../domain/identity/mod.ts";
import type { ListPage, PageQuery } from "../../domain/paging.ts";
import { idsWithin } from "../scope.ts";
import { invocationJson, type invocationOut, overviewJson } from "./schemas.ts";
import { pageJson } from "../primitives.ts";
import { enumWords } from "../../resources/words.ts";

/** The field of a list of invocations. */
export const viewIn = z.enum(enumWords("INVOCATION_VIEW", "BASIC", "FULL")).optional()
  .openapi("invoked.InvocationView", {
    description: "INVOCATION_VIEW_BASIC leaves out `input`, `output`, `http.requestBody`, " +
      "`attempts`, `phases`, `usage`, `egress` and `limits`, has `inputPreview`, and cuts " +
      "`error` after 300 characters; everything by default",
  });

/** A page of invocations as the view shows them. */
export async function searchPage(
  searches: InvocationSearches,
  functionId: string,
  selection: InvocationFilter,
  { view, ...page }: PageQuery & { readonly view?: z.infer<typeof viewIn> },
  /** The functions that the caller may see. */
  within: FunctionScope,
): Promise<ListPage<z.input<typeof invocationOut>>> {
  const filter = { ...selection, functionIds: idsWithin(selection.functionIds, within) };
  if (view === "INVOCATION_VIEW_BASIC") {
    return pageJson(await searches.overview(functionId, filter, page), overviewJson);
  }
  return pageJson(await searches.whole(functionId, filter, page), invocationJson);
}

/** Names of functions for lists that know only their ids. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { shortId } from "../parts/format.ts";
import { Name } from "../parts/values.tsx";
import { useMay } from "./rights.ts";

/** A name and what it names. */
interface NamedFunction {
  readonly id: string;
  readonly name: string;
}

const FOUND_MAX = 20;

/** The display name of a function. */
function functionNameQuery(id: string) {
  return queryOptions({
    queryKey: ["function", id, "name"],
    queryFn: async ({ signal }): Promise<string> => {
      const { function: found } = await call("GET /api/v1/functions/{id}", {
        path: { id },
        signal,
      });
      return found?.displayName ?? id;
    },
    staleTime: 60_000,
    retry: false,
  });
}

/** The first functions whose name or description has a text. */
export function functionsNamedQuery(text: string) {
  return queryOptions({
    queryKey: ["function", "named", text],
    queryFn: async ({ signal }): Promise<readonly NamedFunction[]> => {
      const { list = [] } = await call("POST /api/v1/search/functions", {
        body: { query: text, functionTypes: [], pageSize: FOUND_MAX },
        signal,
      });
      return list.flatMap(({ id, displayName }) =>
        id === undefined ? [] : [{ id, name: displayName ?? id }]
      );
    },
  });
}

/** The name of a function by its id; the id until the name is known, and for one that is gone or that the reader may not see. */
export function FunctionName({ id }: { readonly id: string }) {
  const enabled = useMay()("c1.api.functions.v1.FunctionsService.GetFunction");
  const { data } = useQuery({ ...functionNameQuery(id), enabled });
  return <Name value={data ?? shortId(id)} />;
}

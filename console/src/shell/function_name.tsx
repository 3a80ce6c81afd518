import { useQuery } from "@tanstack/react-query";
import { functionNameQuery } from "../api/names.ts";
import { shortId } from "../parts/format.ts";
import { Name } from "../parts/values.tsx";

/** The name of a function by its id; the id until the name is known, and for one that is gone. */
export function FunctionName({ id }: { readonly id: string }) {
  const { data } = useQuery(functionNameQuery(id));
  return <Name value={data ?? shortId(id)} />;
}

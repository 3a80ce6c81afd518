import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Fn } from "../../api/types.ts";
import { functionQuery } from "./queries.ts";

/** The function of the page. The page shows a tab only once it has the function. */
export function useFunction(): Fn {
  const { functionId } = useParams({ from: "/shell/functions/$functionId" });
  return useSuspenseQuery(functionQuery(functionId)).data;
}

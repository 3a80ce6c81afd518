import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { call } from "../api/client.ts";
import type { PaletteItem } from "../parts/palette.tsx";
import { useMay } from "./rights.ts";

const KSUID = /^[0-9A-Za-z]{27}$/;
const SHOWN = 8;

/** Finds functions whose name has the text, as far as the reader may search them, and whatever an id may be of. */
export function useFind(): (query: string, signal: AbortSignal) => Promise<readonly PaletteItem[]> {
  const navigate = useNavigate();
  const maySearch = useMay()("c1.api.functions.v1.FunctionsSearch.Search");
  return useCallback(
    (query, signal) => maySearch ? findAnywhere(query, signal, navigate) : Promise.resolve([]),
    [maySearch, navigate],
  );
}

async function findAnywhere(
  query: string,
  signal: AbortSignal,
  navigate: ReturnType<typeof useNavigate>,
): Promise<readonly PaletteItem[]> {
  const text = query.trim();
  if (KSUID.test(text)) return itemsOfId(text, navigate);
  const { list = [] } = await call("POST /api/v1/search/functions", {
    body: { query: text, functionTypes: [], pageSize: SHOWN },
    signal,
  });
  return list.flatMap(({ id, displayName }) =>
    id === undefined ? [] : [{
      id: `function-${id}`,
      label: displayName ?? id,
      group: "Function",
      run: () =>
        void navigate({
          to: "/functions/$functionId",
          params: { functionId: id },
        }),
    }]
  );
}

function itemsOfId(
  id: string,
  navigate: ReturnType<typeof useNavigate>,
): readonly PaletteItem[] {
  return [
    {
      id: `invocation-${id}`,
      label: `Invocation ${id}`,
      group: "Id",
      run: () =>
        void navigate({
          to: "/invocations/$invocationId",
          params: { invocationId: id },
        }),
    },
    {
      id: `function-${id}`,
      label: `Function ${id}`,
      group: "Id",
      run: () =>
        void navigate({
          to: "/functions/$functionId",
          params: { functionId: id },
        }),
    },
    {
      id: `volume-${id}`,
      label: `Volume ${id}`,
      group: "Id",
      run: () => void navigate({ to: "/volumes/$volumeId", params: { volumeId: id } }),
    },
  ];
}

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouteContext } from "@tanstack/react-router";
import { call, type Volume } from "../../api/client.ts";
import { PagedTable, useCreation } from "../../parts/list.tsx";
import { Page } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Bytes, Count, Name, timeColumn } from "../../parts/values.tsx";
import { useLastPosition } from "../../shell/list_position.tsx";
import { NewNamed } from "../../shell/new_named.tsx";
import { useMay } from "../../shell/rights.ts";
import { volumesQuery } from "./queries.ts";

const COLUMNS: readonly Column<Volume>[] = [
  {
    header: "Name",
    sortBy: ({ displayName }) => displayName.toLowerCase(),
    cell: ({ id, displayName }) => (
      <Link to="/volumes/$volumeId" params={{ volumeId: id }}>
        <Name value={displayName} />
      </Link>
    ),
  },
  {
    header: "Files",
    width: "90px",
    align: "end",
    sortBy: ({ fileCount }) => fileCount,
    cell: ({ fileCount }) => <Count value={fileCount} />,
  },
  {
    header: "Used",
    width: "110px",
    align: "end",
    sortBy: ({ usedBytes }) => Number(usedBytes),
    cell: ({ usedBytes }) => <Bytes value={Number(usedBytes)} />,
  },
  {
    header: "Quota",
    width: "110px",
    align: "end",
    minor: true,
    cell: ({ quotaBytes }) => <Bytes value={Number(quotaBytes)} />,
  },
  {
    header: "Version",
    width: "90px",
    align: "end",
    minor: true,
    cell: ({ version }) => <Count value={version} />,
  },
  timeColumn("Changed", 120, ({ updatedAt }) => updatedAt, { isSortable: true }),
];

export function VolumesPage() {
  const { visit } = useRouteContext({ from: "/shell/volumes" });
  useLastPosition("/volumes", {}, visit);
  const creation = useCreation("New volume", useMay()("invoked.VolumeService.CreateVolume"));
  const query = useInfiniteQuery(volumesQuery);
  return (
    <Page title="Volumes" actions={creation.button}>
      <PagedTable
        query={query}
        label="Volumes"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={
          <Empty title="No volumes yet" action={creation.button}>
            A volume is a versioned file tree that functions read and write. Create one, then choose
            it in the settings of a function.
          </Empty>
        }
        rowKeys
      />
      {creation.isOpen && <NewVolume onClose={creation.close} />}
    </Page>
  );
}

function NewVolume({ onClose }: { readonly onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const create = async (displayName: string) => {
    const { volume } = await call("POST /api/v1/vfs/volumes", { body: { displayName } });
    void queries.invalidateQueries({ queryKey: ["volume"] });
    return () => navigate({ to: "/volumes/$volumeId", params: { volumeId: volume.id } });
  };
  return <NewNamed title="New volume" create={create} onClose={onClose} />;
}

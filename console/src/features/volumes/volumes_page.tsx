import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouteContext } from "@tanstack/react-router";
import { type FormEvent, useMemo, useState } from "react";
import { call, type Volume } from "../../api/client.ts";
import { Button, CancelButton } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Page } from "../../parts/page.tsx";
import { useCommands } from "../../parts/shortcuts.tsx";
import { Empty, ErrorNote, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { Bytes, Count, Name, Time } from "../../parts/values.tsx";
import { remainingError, violationOf } from "../../parts/violations.ts";
import { useLastPosition, useStillHere } from "../../shell/list_position.tsx";
import { useMay } from "../../shell/rights.ts";
import { volumesQuery } from "./queries.ts";

const COLUMNS: readonly Column<Volume>[] = [
  {
    id: "name",
    header: "Name",
    sortBy: ({ displayName }) => displayName.toLowerCase(),
    cell: ({ id, displayName }) => (
      <Link to="/volumes/$volumeId" params={{ volumeId: id }}>
        <Name value={displayName} />
      </Link>
    ),
  },
  {
    id: "files",
    header: "Files",
    width: "90px",
    align: "end",
    sortBy: ({ fileCount }) => fileCount,
    cell: ({ fileCount }) => <Count value={fileCount} />,
  },
  {
    id: "used",
    header: "Used",
    width: "110px",
    align: "end",
    sortBy: ({ usedBytes }) => Number(usedBytes),
    cell: ({ usedBytes }) => <Bytes value={Number(usedBytes)} />,
  },
  {
    id: "quota",
    header: "Quota",
    width: "110px",
    align: "end",
    minor: true,
    cell: ({ quotaBytes }) => <Bytes value={Number(quotaBytes)} />,
  },
  {
    id: "version",
    header: "Version",
    width: "90px",
    align: "end",
    minor: true,
    cell: ({ version }) => <Count value={version} />,
  },
  {
    id: "changed",
    header: "Changed",
    width: "120px",
    minor: true,
    sortBy: ({ updatedAt }) => updatedAt,
    cell: ({ updatedAt }) => <Time value={updatedAt} />,
  },
];

export function VolumesPage() {
  const [isCreating, setCreating] = useState(false);
  const { visit } = useRouteContext({ from: "/shell/volumes" });
  useLastPosition("/volumes", {}, visit);
  const mayCreate = useMay()("invoked.VolumeService.CreateVolume");
  useCommands(useMemo(
    () =>
      mayCreate ? [{ label: "New volume", group: "This list", run: () => setCreating(true) }] : [],
    [mayCreate],
  ));
  const query = useInfiniteQuery(volumesQuery);
  const create = mayCreate
    ? <Button look="primary" onClick={() => setCreating(true)}>New volume</Button>
    : null;
  return (
    <Page title="Volumes" actions={create}>
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label="Volumes"
            columns={COLUMNS}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ id }) => id}
            empty={
              <Empty title="No volumes yet" action={create}>
                A volume is a versioned file tree that functions read and write. Create one, then
                choose it in the settings of a function.
              </Empty>
            }
            more={moreOf(query)}
            rowKeys
          />
        )}
      </Loaded>
      <CreateDialog open={isCreating} onClose={() => setCreating(false)} />
    </Page>
  );
}

function CreateDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const [displayName, setName] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const create = useMutation({
    mutationFn: (_isHere: () => boolean) =>
      call("POST /api/v1/vfs/volumes", { body: { displayName } }),
    onSuccess: async ({ volume }, isHere) => {
      onClose();
      void queries.invalidateQueries({ queryKey: ["volume"] });
      if (isHere()) await navigate({ to: "/volumes/$volumeId", params: { volumeId: volume.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(whileHere());
  };
  const rest = remainingError(create.error, ["displayName"]);
  return (
    <Dialog open={open} onClose={onClose} title="New volume" unsaved={displayName !== ""}>
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Name"
          value={displayName}
          onChange={setName}
          error={violationOf(create.error, "displayName")}
          autoFocus
        />
        {rest === undefined ? null : <ErrorNote error={rest} />}
        <div className="actions">
          <CancelButton />
          <Button
            type="submit"
            look="primary"
            busy={create.isPending}
            disabled={displayName.trim() === ""}
          >
            Create
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

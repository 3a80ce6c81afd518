import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call, type Volume } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog, typeableName } from "../../parts/dialog.tsx";
import { countOf, visibleText } from "../../parts/format.ts";
import { Page } from "../../parts/page.tsx";
import { useCommands } from "../../parts/shortcuts.tsx";
import { Loaded } from "../../parts/states.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Bytes, Count, Name } from "../../parts/values.tsx";
import { copy } from "../../shell/commands.ts";
import { BackToList, useStillHere } from "../../shell/list_position.tsx";
import { MissingSubject, useMissing } from "../../shell/missing_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { File } from "./file.tsx";
import { Files } from "./files.tsx";
import { History } from "./history.tsx";
import { volumeQuery } from "./queries.ts";

export function VolumePage() {
  const { volumeId } = useParams({ from: "/shell/volumes/$volumeId" });
  const query = useQuery(volumeQuery(volumeId));
  const isMissing = useMissing(query, volumeId);
  const volume = query.data;
  if (isMissing) {
    return (
      <MissingSubject noun="Volume" id={volumeId} why="It may have been deleted." list="/volumes" />
    );
  }
  return (
    <Page
      title={visibleText(volume?.displayName ?? "Volume")}
      heading={volume === undefined ? "Volume" : <Name value={volume.displayName} />}
      above={<BackToList to="/volumes">Volumes</BackToList>}
      actions={volume === undefined ? null : <Actions volume={volume} />}
    >
      <Loaded query={query}>{(data) => <OpenVolume volume={data} />}</Loaded>
    </Page>
  );
}

const GROUP = "This volume";

function Actions({ volume }: { readonly volume: Volume }) {
  const [isDeleting, setDeleting] = useState(false);
  const mayDelete = useMay()("invoked.VolumeService.DeleteVolume");
  useCommands(useMemo(() => [
    {
      label: "Copy volume id",
      group: GROUP,
      run: () => void copy(volume.id, "Copied the volume id"),
    },
    ...mayDelete ? [{ label: "Delete volume …", group: GROUP, run: () => setDeleting(true) }] : [],
  ], [volume.id, mayDelete]));
  return (
    <>
      <a className="button" href={`/api/v1/vfs/volumes/${volume.id}/archive`} download>
        Download all
      </a>
      {mayDelete ? <Button look="danger" onClick={() => setDeleting(true)}>Delete</Button> : null}
      <DeleteDialog volume={volume} open={isDeleting} onClose={() => setDeleting(false)} />
    </>
  );
}

function OpenVolume({ volume }: { readonly volume: Volume }) {
  const { tab, file, directory = "", version } = useSearch({ from: "/shell/volumes/$volumeId" });
  const navigate = useNavigate();
  const show = (next: "files" | "history") =>
    void navigate({
      to: "/volumes/$volumeId",
      params: { volumeId: volume.id },
      search: next === "history" ? { tab: "history" } : {},
    });
  return (
    <>
      <p className="muted">
        <Bytes value={Number(volume.usedBytes)} /> of <Bytes value={Number(volume.quotaBytes)} /> in
        {" "}
        {countOf(volume.fileCount, "file")}, version <Count value={volume.version} />
      </p>
      <Tabs
        value={tab ?? "files"}
        onChange={show}
        tabs={[{ value: "files", label: "Files" }, { value: "history", label: "History" }]}
      >
        {tab === "history"
          ? <History volume={volume} version={version} />
          : file === undefined
          ? <Files volume={volume} directory={directory} />
          : <File key={file} volume={volume} path={file} />}
      </Tabs>
    </>
  );
}

function DeleteDialog(
  { volume, open, onClose }: {
    readonly volume: Volume;
    readonly open: boolean;
    readonly onClose: () => void;
  },
) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const whileHere = useStillHere();
  const remove = async () => {
    const isHere = whileHere();
    const params = { path: { id: volume.id } };
    await call("DELETE /api/v1/vfs/volumes/{id}", { ...params });
    if (isHere()) await navigate({ to: "/volumes" });
    await queries.invalidateQueries({ queryKey: ["volume"] });
    toast("Volume deleted");
  };
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title="Delete this volume?"
      action="Delete"
      danger
      typed={typeableName(volume.displayName, volume.id)}
      onConfirm={remove}
    >
      <p>All of its files and versions are permanently deleted.</p>
    </ConfirmDialog>
  );
}

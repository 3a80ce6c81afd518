import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call, type Volume } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { countOf } from "../../parts/format.ts";
import { useCommands } from "../../parts/shortcuts.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Bytes, Count } from "../../parts/values.tsx";
import { copy } from "../../shell/commands.ts";
import { BackToList } from "../../shell/list_position.tsx";
import { DeleteSubject, SubjectPage } from "../../shell/subject_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { File } from "./file.tsx";
import { Files } from "./files.tsx";
import { History } from "./history.tsx";
import { volumeQuery } from "./queries.ts";

export function VolumePage() {
  const { volumeId } = useParams({ from: "/shell/volumes/$volumeId" });
  return (
    <SubjectPage
      noun="Volume"
      id={volumeId}
      why="It may have been deleted."
      list="/volumes"
      query={useQuery(volumeQuery(volumeId))}
      above={<BackToList to="/volumes">Volumes</BackToList>}
      actionsOf={(volume) => <Actions volume={volume} />}
    >
      {(volume) => <OpenVolume volume={volume} />}
    </SubjectPage>
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
      {mayDelete && <Button look="danger" onClick={() => setDeleting(true)}>Delete</Button>}
      {isDeleting && (
        <DeleteSubject
          what="volume"
          subject={volume}
          list="/volumes"
          onDelete={(path) => call("DELETE /api/v1/vfs/volumes/{id}", { path })}
          refresh={["volume"]}
          onClose={() => setDeleting(false)}
        >
          <p>All of its files and versions are permanently deleted.</p>
        </DeleteSubject>
      )}
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

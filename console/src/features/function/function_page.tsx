import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useParams } from "@tanstack/react-router";
import { type RefObject, useRef, useState } from "react";
import type { Fn } from "../../api/client.ts";
import { FunctionState } from "../../parts/badge.tsx";
import { Button, CopyButton } from "../../parts/button.tsx";
import { shortId } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import { useCurrentInView } from "../../parts/in_view.ts";
import { BackToList } from "../../shell/list_position.tsx";
import { SubjectPage } from "../../shell/subject_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { TABS, useFunctionCommands } from "./commands.ts";
import { PublishDialog, RunPanel } from "./lazy.tsx";
import { functionQuery } from "./queries.ts";

/** What all tabs of a function share; the tab itself is a route of its own. */
export function FunctionPage() {
  const { functionId } = useParams({ from: "/shell/functions/$functionId" });
  const [isRunning, setRunning] = useState(false);
  const runButton = useRef<HTMLButtonElement>(null);
  const close = () => {
    setRunning(false);
    runButton.current?.focus();
  };
  return (
    <SubjectPage
      noun="Function"
      id={functionId}
      why="The address may be cut off, or that of another server."
      list="/functions"
      query={useQuery(functionQuery(functionId))}
      wide
      above={<BackToList to="/functions">Functions</BackToList>}
      actionsOf={(fn) => <Actions fn={fn} runButton={runButton} onRun={() => setRunning(true)} />}
    >
      {(fn) => (
        <div key={fn.id} className={isRunning ? "function-split" : "function-whole"}>
          <div className="function-whole">
            <Content fn={fn} />
          </div>
          {isRunning && <RunPanel fn={fn} onClose={close} />}
        </div>
      )}
    </SubjectPage>
  );
}

function Content({ fn }: { readonly fn: Fn }) {
  const tabs = useRef<HTMLElement>(null);
  useCurrentInView(tabs, useLocation().pathname);
  return (
    <>
      <Facts fn={fn} />
      <nav ref={tabs} aria-label="Parts of the function" className="tab-list">
        {TABS.slice(0, 2).map((tab) => <TabLink key={tab.to} {...tab} id={fn.id} />)}
        <Link to="/invocations" search={{ functions: [fn.id] }} className="tab">
          Invocations
        </Link>
        {TABS.slice(2).map((tab) => <TabLink key={tab.to} {...tab} id={fn.id} />)}
      </nav>
      <Outlet />
    </>
  );
}

function TabLink({ to, label, id }: (typeof TABS)[number] & { readonly id: string }) {
  return (
    <Link
      to={to}
      params={{ functionId: id }}
      className="tab"
      activeOptions={{ exact: true, includeSearch: false }}
      activeProps={{ "aria-current": "page" }}
    >
      {label}
    </Link>
  );
}

function Facts({ fn }: { readonly fn: Fn }) {
  const published = fn.publishedCommitId ?? "";
  return (
    <div className="row function-facts">
      <FunctionState {...fn} />
      <span>
        <span className="muted">Id</span> <code title={fn.id}>{shortId(fn.id)}</code>
        <CopyButton text={fn.id} label="Copy function id" />
      </span>
      {published === "" ? null : (
        <span>
          <span className="muted">Published commit</span>{" "}
          <code title={published}>{shortId(published)}</code>
        </span>
      )}
    </div>
  );
}

function Actions({ fn, runButton, onRun }: {
  readonly fn: Fn;
  readonly runButton: RefObject<HTMLButtonElement | null>;
  readonly onRun: () => void;
}) {
  /** The head that the dialog shows: it may move meanwhile. */
  const [published, setPublished] = useState<string>();
  const { head = "", publishedCommitId = "", deletedAt } = fn;
  const may = useMay();
  const isRunnable = head !== "" && deletedAt === undefined;
  const canRun = isRunnable && may("c1.api.functions.v1.FunctionsService.Invoke");
  const canPublish = isRunnable && head !== publishedCommitId &&
    may("c1.api.functions.v1.FunctionsService.UpdateFunction");
  useFunctionCommands(fn, {
    run: canRun ? onRun : undefined,
    publish: canPublish ? () => setPublished(head) : undefined,
  });
  return (
    <>
      <Button ref={runButton} disabled={!canRun} onClick={onRun} icon={<Icon name="play" />}>
        Run
      </Button>
      <Button
        look="primary"
        disabled={!canPublish}
        onClick={() => setPublished(head)}
      >
        Publish
      </Button>
      {published === undefined
        ? null
        : <PublishDialog fn={fn} commitId={published} onClose={() => setPublished(undefined)} />}
    </>
  );
}

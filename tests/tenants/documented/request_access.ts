import { sdk, SDKError } from "@c1/functions-sdk";

/** Repeats the request of an open task, reads it, and cannot revoke what nobody has granted yet. */
export default async function main({ description }: { description: string }) {
  const { taskSearchResponse } = await sdk.taskSearch.search({
    taskTypes: [{ grant: {} }],
    taskStates: ["TASK_STATE_OPEN"],
  });
  const open = taskSearchResponse?.list?.[0]?.task?.type?.grant;
  const target = {
    appId: open?.appId ?? "",
    appEntitlementId: open?.appEntitlementId ?? "",
    appUserId: open?.appUserId ?? "",
  };
  const created = await sdk.task.createGrantTask({ ...target, description });
  const id = created.taskServiceCreateGrantResponse?.taskView?.task?.id ?? "";
  const { taskServiceGetResponse } = await sdk.task.get({ id });
  const early = await sdk.task.createRevokeTask(target).then(() => 200, (error) => {
    if (error instanceof SDKError) return error.statusCode;
    throw error;
  });
  await sdk.taskActions.approve({ taskId: id });
  const { taskServiceCreateRevokeResponse } = await sdk.task.createRevokeTask(target);
  return {
    description: taskServiceGetResponse?.taskView?.task?.description ?? "",
    early,
    revoking: taskServiceCreateRevokeResponse?.taskView?.task?.state ?? "",
  };
}

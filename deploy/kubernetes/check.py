"""The rules that the manifests keep; run by `check`."""
import copy
import pathlib
import sys

import kubernetes_validate
import yaml

VERSION = "1.37"


def pod_of(it):
    spec = it.get("spec", {})
    return {"Deployment": lambda: spec["template"]["spec"], "CronJob": lambda: spec["jobTemplate"]["spec"]["template"]["spec"]}.get(it["kind"], lambda: None)()


def restricted(pod):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards, and what we want beyond it."""
    own = pod.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{key} is set"
    if own.get("runAsNonRoot") is not True or not own.get("runAsUser"):
        yield "runs as root"
    if own.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "a token of the cluster is mounted"
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= allowed:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    for it in pod["containers"] + pod.get("initContainers", []):
        context = it.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield "privileges may rise"
        if context.get("capabilities", {}).get("drop") != ["ALL"] or context["capabilities"].get("add"):
            yield "capabilities are left"
        if context.get("readOnlyRootFilesystem") is not True:
            yield "the root can be written"
        if "memory" not in it.get("resources", {}).get("limits", {}):
            yield "no limit of memory"
        mounted = {mount["name"] for mount in it.get("volumeMounts", [])}
        if mounted != {volume["name"] for volume in pod.get("volumes", [])}:
            yield "volumes and mounts do not meet"
        ports = {port["name"] for port in it.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in it and it[probe]["httpGet"]["port"] not in ports:
                yield f"{probe} asks at a port that is not there"


def names_meet(it, pod, known):
    def has(kind, name):
        return (kind, it["metadata"]["namespace"], name) in known

    if not has("ServiceAccount", pod.get("serviceAccountName")):
        yield "the service account is not there"
    for volume in pod.get("volumes", []):
        wanted = []
        if "persistentVolumeClaim" in volume:
            wanted.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        if "secret" in volume:
            wanted.append(("Secret", volume["secret"]["secretName"]))
        for source in volume.get("projected", {}).get("sources", []):
            wanted.append(("ConfigMap", source["configMap"]["name"]))
        for kind, name in wanted:
            if not has(kind, name):
                yield f"{kind} {name} is not there"


def wrong(documents):
    known = {(it["kind"], it["metadata"].get("namespace"), it["metadata"]["name"]) for it in documents}
    for it in documents:
        name = f"{it['kind']}/{it['metadata']['name']}"
        try:
            kubernetes_validate.validate(it, VERSION, strict=True)
        except kubernetes_validate.ValidationError as err:
            yield f"{name}: {'.'.join(map(str, err.path))}: {err.message}"
            continue
        pod = pod_of(it)
        if pod:
            yield from (f"{name}: {why}" for why in [*restricted(pod), *names_meet(it, pod, known)])
            if it["kind"] == "Deployment" and (it["spec"]["replicas"] != 1 or it["spec"]["strategy"]["type"] != "Recreate"):
                yield f"{name}: two writers of one store"
            if it["kind"] == "CronJob" and it["spec"]["concurrencyPolicy"] != "Forbid":
                yield f"{name}: two writers of one store"


def broken(documents):
    """Copies with one mistake each, and a word of what must be said."""
    def change(kind, edit):
        copies = copy.deepcopy(documents)
        edit(next(it for it in copies if it["kind"] == kind))
        return copies

    container = lambda it: pod_of(it)["containers"][0]
    yield "root can be written", change("CronJob", lambda it: container(it)["securityContext"].update(readOnlyRootFilesystem=False))
    yield "runs as root", change("Deployment", lambda it: pod_of(it)["securityContext"].update(runAsUser=0))
    yield "capabilities", change("Deployment", lambda it: container(it)["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]))
    yield "not allowed", change("CronJob", lambda it: pod_of(it)["volumes"][0].update(persistentVolumeClaim=None) or pod_of(it)["volumes"].__setitem__(0, {"name": "data", "hostPath": {"path": "/"}}))
    yield "is not there", change("Secret", lambda it: it["metadata"].update(name="other"))
    yield "two writers", change("Deployment", lambda it: it["spec"].update(replicas=2))
    yield "livenesProbe", change("Deployment", lambda it: container(it).update(livenesProbe=container(it).pop("livenessProbe")))
    yield "port", change("Deployment", lambda it: container(it)["readinessProbe"]["httpGet"].update(port="web"))
    yield "schedule", change("CronJob", lambda it: it["spec"].pop("schedule"))


def main():
    here = pathlib.Path(sys.argv[1])
    documents = [it for path in sorted(here.glob("*.yaml")) for it in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    mistakes = list(wrong(documents))
    for why, copies in broken(documents):
        told = list(wrong(copies))
        if not any(why in it for it in told):
            mistakes.append(f"the check did not find what was broken on purpose: {why}: {told}")
    print(*mistakes, sep="\n", end="\n" if mistakes else "")
    print(f"{len(documents)} manifests, Kubernetes {VERSION}, {len(list(broken(documents)))} broken ones found" if not mistakes else "FAIL")
    sys.exit(bool(mistakes))


main()

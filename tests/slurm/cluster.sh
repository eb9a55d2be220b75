#!/usr/bin/env bash
# A real, throw-away SLURM cluster on this one machine, for the tests: Debian or Ubuntu, root, no systemd.
#
#   cluster.sh start FOLDER    two nodes, two pretended GPUs on node1; safe to run again, what runs is kept
#   cluster.sh stop FOLDER     ends its jobs and daemons, and removes the folder
#
# All it writes lies in FOLDER (at most 80 characters: sockets lie there), but for the link /etc/slurm/slurm.conf.
set -euo pipefail

FOLDER=$(realpath -m "$2")
PORT=16800
NODES="node1 node2"
export SLURM_CONF=$FOLDER/etc/slurm.conf
LINK=/etc/slurm/slurm.conf  # srun looks here: the executor plugin takes SLURM_CONF away from it

die() { echo "error: $*" >&2; exit 1; }
impossible() { echo "$*" >&2; exit 77; }  # here; no fault

# alive NAME PROGRAM: does the process of that pid file run, and is it the program that we started?
alive() {
  local pid
  pid=$(cat "$FOLDER/run/$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ]
}

wait_for() { # SECONDS WHAT COMMAND...
  local end=$(($(date +%s) + $1)) what=$2
  shift 2
  until timeout 10 "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || die "$what did not come up; see $FOLDER/log"
    sleep 0.1
  done
}

configure() {
  mkdir -p "$FOLDER"/{etc,run,log,spool/controller,dev} /etc/slurm
  install -d -m 0700 "$FOLDER/munge"
  install -d -m 0755 "$FOLDER/socket"
  [ -s "$FOLDER/munge/key" ] || (umask 077; head -c 1024 /dev/urandom >"$FOLDER/munge/key")
  # slurmd takes only device files for GPUs: these are copies of /dev/null.
  local gpu
  for gpu in 0 1; do
    [ -c "$FOLDER/dev/nvidia$gpu" ] || mknod "$FOLDER/dev/nvidia$gpu" c 1 3 || impossible "no device files can be made here (mknod)"
  done
  local host
  host=$(hostname -s)
  # Nodes claim more CPUs than there are. squeue shows finished jobs for ten minutes: it is how Snakemake learns of
  # their end. pgid tracks processes without cgroups. Memory is looked at every second, and too much
  # is killed. A requeued job starts when its old credential has expired, after two minutes if nobody says otherwise.
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$FOLDER/socket/munge,cred_expire=20
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$FOLDER/spool/controller
SlurmdSpoolDir=$FOLDER/spool/%n
SlurmctldPidFile=$FOLDER/run/slurmctld.pid
SlurmdPidFile=$FOLDER/run/%n.pid
SlurmctldLogFile=$FOLDER/log/slurmctld.log
SlurmdLogFile=$FOLDER/log/%n.log
MailProg=/bin/true
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_min_interval=100000,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=1
KillWait=15
MinJobAge=600
OverTimeLimit=0
SlurmdTimeout=60
JobRequeue=1
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((PORT + 1)) CPUs=8 RealMemory=20000 Gres=gpu:2 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((PORT + 2)) CPUs=8 RealMemory=20000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP
CONF
  echo "NodeName=node1 Name=gpu File=$FOLDER/dev/nvidia[0-1] Flags=nvidia_gpu_env" >"$FOLDER/etc/gres.conf"
  echo "AutoDetect=off" >>"$FOLDER/etc/gres.conf"
}

start() {
  [ ${#FOLDER} -le 80 ] || die "the path $FOLDER is too long for the sockets in it; expected at most 80 characters"
  [ ! -e "$LINK" ] || [ "$(readlink "$LINK")" = "$SLURM_CONF" ] || impossible "$LINK exists: this machine has a SLURM of its own"
  [ -e "$SLURM_CONF" ] || configure
  ln -sfn "$SLURM_CONF" "$LINK"
  alive munged munged || setsid munged --force --key-file="$FOLDER/munge/key" --socket="$FOLDER/socket/munge" \
    --pid-file="$FOLDER/run/munged.pid" --log-file="$FOLDER/log/munged.log" --seed-file="$FOLDER/munge/seed" \
    </dev/null >"$FOLDER/log/munged.out" 2>&1 || die "munged: $(cat "$FOLDER/log/munged.out")"
  wait_for 30 munged munge -S "$FOLDER/socket/munge" -n
  alive slurmctld slurmctld || setsid slurmctld </dev/null >"$FOLDER/log/slurmctld.out" 2>&1 ||
    die "slurmctld: $(cat "$FOLDER/log/slurmctld.out")"
  wait_for 60 slurmctld sh -c 'scontrol ping | grep -q UP'
  local node
  for node in $NODES; do
    mkdir -p "$FOLDER/spool/$node"
    alive "$node" slurmd || setsid slurmd -N "$node" </dev/null >"$FOLDER/log/$node.out" 2>&1 ||
      die "$node: $(cat "$FOLDER/log/$node.out")"
  done
  wait_for 60 "the nodes" sh -c '[ "$(sinfo -h -N -o "%T" | grep -cE "^(idle|mixed|allocated)$")" = 2 ]'
}

end() { # NAME PROGRAM
  alive "$1" "$2" || return 0
  local pid
  pid=$(cat "$FOLDER/run/$1.pid")
  kill "$pid"
  for _ in $(seq 200); do [ -e "/proc/$pid" ] || return 0; sleep 0.1; done
  kill -KILL "$pid"
}

# What outlived its daemon: steps of jobs, and processes of jobs (a stopped one cannot even end).
orphans() {
  local process
  for process in /proc/[0-9]*; do
    if { [ "$(cat "$process/comm" 2>/dev/null)" = slurmstepd ] && [[ $(readlink "$process/cwd") = "$FOLDER"/* ]]; } ||
      { grep -qsz "^SLURM_CONF=$SLURM_CONF$" "$process/environ" && grep -qsz "^SLURM_JOB_ID=" "$process/environ"; }; then
      echo "${process#/proc/}"
    fi
  done
}

stop() {
  if alive slurmctld slurmctld; then  # jobs first: they would outlive their slurmd
    squeue -h -o %A | xargs -r scancel
    for _ in $(seq 300); do [ -n "$(squeue -h)" ] || break; sleep 0.1; done
  fi
  local node
  for node in $NODES; do end "$node" slurmd & done
  end slurmctld slurmctld &
  wait
  end munged munged
  orphans | xargs -r kill -KILL 2>/dev/null || true
  [ "$(readlink "$LINK" 2>/dev/null)" != "$SLURM_CONF" ] || rm "$LINK"
  [ ! -d "$FOLDER/munge" ] || rm -r "$FOLDER"
}

[ "$(id -u)" = 0 ] || impossible "needs root: slurmd and munged do"
case $1 in
  start | stop) "$1" ;;
  *) die "unknown command $1; expected start or stop" ;;
esac

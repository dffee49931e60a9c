# A NixOS module: Fluent Bit with out_edge as a service of its own, with a user of its
# own and as little of the system as it needs.
#
#   imports = [ ./module.nix ];
#   services.fluent-bit-edge = {
#     enable = true;
#     library = ./out_edge.so;                      # from the release, for this machine
#     user = "root@example.com";
#     passwordFile = "/run/secrets/openobserve";    # sops-nix, agenix or a plain file
#     url = "https://openobserve.example.com/api/default/prometheus/api/v1/write";
#   };
{ config, lib, pkgs, ... }:

let
  cfg = config.services.fluent-bit-edge;
  rules = pkgs.writeText "edge-rules.yaml" (builtins.readFile ./rules.yaml);
  # What this file has in common with the example beside it is read from there.
  conf = pkgs.writeText "fluent-bit-edge.conf" (builtins.replaceStrings
    [
      "rules.yaml"
      "https://openobserve.example.com/api/default/prometheus/api/v1/write"
      "\${OPENOBSERVE_USER}"
      "/run/secrets/openobserve"
    ]
    [
      "${rules}"
      cfg.url
      cfg.user
      "/run/credentials/fluent-bit-edge.service/password"
    ]
    (builtins.readFile ./fluent-bit.conf));
in
{
  options.services.fluent-bit-edge = {
    enable = lib.mkEnableOption "Fluent Bit with out_edge";
    library = lib.mkOption {
      type = lib.types.path;
      description = "out_edge.so of a release. NixOS is glibc, so it loads as it is.";
    };
    package = lib.mkPackageOption pkgs "fluent-bit" { };
    url = lib.mkOption {
      type = lib.types.str;
      description = "Where remote write goes, path included.";
    };
    user = lib.mkOption {
      type = lib.types.str;
      description = "OpenObserve's user.";
    };
    passwordFile = lib.mkOption {
      type = lib.types.str;
      description = "File with the password, outside the store, which everybody may read.";
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.services.fluent-bit-edge = {
      description = "Host metrics to OpenObserve";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      # For the `exec` input.
      path = [ pkgs.coreutils pkgs.gnugrep ];
      serviceConfig = {
        ExecStart = "${lib.getExe cfg.package} -e ${cfg.library} -c ${conf}";
        LoadCredential = "password:${cfg.passwordFile}";
        Restart = "always";
        # Core's 5 s, and 15 s to send what waits.
        TimeoutStopSec = 40;
        MemoryMax = "96M";
        DynamicUser = true;
        CapabilityBoundingSet = "";
        NoNewPrivileges = true;
        PrivateTmp = true;
        PrivateDevices = true;
        # Not ProcSubset=pid: the metrics are in /proc.
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        ProtectHome = true;
        ProtectClock = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        LockPersonality = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" "~@privileged" ];
        UMask = "0077";
      };
    };
  };
}

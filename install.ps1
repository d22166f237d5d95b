# Installs starling on Windows: picks the release asset, checks its SHA-256 and puts it where programs lie.
#
#   install.ps1 -From URL [-Version VERSION] [-To DIR]
#
# URL is where releases lie, laid out as GitHub does; see install.sh. Nothing is written before the checksum
# is right.
param(
  [string]$From = $env:STARLING_RELEASES,
  [string]$Version = $(if ($env:STARLING_INSTALL_VERSION) { $env:STARLING_INSTALL_VERSION } else { 'latest' }),
  [string]$To = $(if ($env:STARLING_INSTALL_DIR) { $env:STARLING_INSTALL_DIR } else { "$env:LOCALAPPDATA\starling" })
)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Stop-Install([string]$Why) {
  [Console]::Error.WriteLine("error: Cannot install starling: $Why")
  exit 1
}

if (-not $From) { Stop-Install 'it is not said where releases lie (-From URL)' }
if ($Version -notmatch '^[0-9A-Za-z.+-]+$') { Stop-Install "$Version is no version" }
$asset = 'starling-windows-x64.exe'
$root = $From.TrimEnd('/')
$base = if ($Version -eq 'latest') { "$root/latest/download" } else { "$root/download/v$($Version.TrimStart('v'))" }

$scratch = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid())
New-Item -ItemType Directory -Path $scratch | Out-Null
try {
  $sums = Join-Path $scratch 'SHA256SUMS'
  $file = Join-Path $scratch 'starling.exe'
  Invoke-WebRequest -UseBasicParsing -Uri "$base/SHA256SUMS" -OutFile $sums
  $line = Get-Content $sums | Where-Object { ($_ -split '\s+\*?', 2)[1] -eq $asset } | Select-Object -First 1
  if (-not $line) { Stop-Install "the release has no $asset" }
  $wanted = ($line -split '\s+')[0].ToLowerInvariant()
  Invoke-WebRequest -UseBasicParsing -Uri "$base/$asset" -OutFile $file
  $found = (Get-FileHash -Algorithm SHA256 -Path $file).Hash.ToLowerInvariant()
  if ($found -ne $wanted) { Stop-Install "the SHA-256 of $asset is $found, not $wanted" }
  New-Item -ItemType Directory -Force -Path $To | Out-Null
  Move-Item -Force $file (Join-Path $To 'starling.exe')
  Write-Output "installed $(Join-Path $To 'starling.exe') ($asset, SHA-256 $found)"
} catch {
  Stop-Install $_.Exception.Message
} finally {
  Remove-Item -Recurse -Force $scratch -ErrorAction SilentlyContinue
}

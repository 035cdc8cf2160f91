; Windows' installer. Compile where the bundle is:
;
;   makensis -DVERSION=0.1.0 -DPAYLOAD=dist\gatepost -DOUTPUT=dist\gatepost-0.1.0-setup.exe packaging\windows\gatepost.nsi
;
; Silent: gatepost-0.1.0-setup.exe /S [/SERVICE=yes|no] [/FIREWALL=port] [/D=C:\folder]
;         uninstall.exe /S [/MAIL=delete]
;
; An installation over an older one is an upgrade: the service is stopped, the program replaced, the service started again. One
; that was left out stays left out, unless it is asked for.

Unicode true
!ifdef TARGET ; "amd64-unicode" where NSIS has it (Debian's does): then it runs where there are no 32-bit programs, too
  Target "${TARGET}"
!endif
!include LogicLib.nsh
!include FileFunc.nsh
!include Sections.nsh
!include MUI2.nsh
!include nsDialogs.nsh

!ifndef VERSION | PAYLOAD | OUTPUT
  !error "Name -DVERSION=, -DPAYLOAD= and -DOUTPUT="
!endif

!define NAME "Gatepost"
!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Gatepost"
!define RULE "Gatepost SMTP"
!define RELAY '"$INSTDIR\gatepost-relay.exe"'

Name "${NAME}"
OutFile "${OUTPUT}"
InstallDir "$PROGRAMFILES64\Gatepost"
InstallDirRegKey HKLM "${UNINSTALL_KEY}" "InstallLocation"
RequestExecutionLevel admin
SetCompressor /SOLID lzma
ManifestDPIAware true
BrandingText "Gatepost ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "Gatepost"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Gatepost installer"
VIAddVersionKey LegalCopyright "MIT License"
!ifdef ICON
  Icon "${ICON}"
  UninstallIcon "${ICON}"
!endif

Var Upgrade       ; "1": an older installation is there
Var HasService    ; "1": and the service with it
Var FirewallPort  ; empty: no rule
Var DeleteMail    ; "1": the uninstaller deletes mail and configuration, too
Var Field
Var Tick

!define MUI_ABORTWARNING
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "..\..\LICENSE"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
Page custom AskForPort TakePort
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
UninstPage custom un.AskForMail un.TakeMail
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"

LangString TEXT_PORT_TITLE ${LANG_ENGLISH} "Windows' firewall"
LangString TEXT_PORT_TITLE ${LANG_GERMAN} "Windows-Firewall"
LangString TEXT_PORT_SUBTITLE ${LANG_ENGLISH} "Only needed when other computers shall hand their mail to this one."
LangString TEXT_PORT_SUBTITLE ${LANG_GERMAN} "Nur nötig, wenn andere Computer diesem ihre Mail übergeben sollen."
LangString TEXT_PORT ${LANG_ENGLISH} "Let other computers reach Gatepost on this TCP port:"
LangString TEXT_PORT ${LANG_GERMAN} "Andere Computer dürfen Gatepost über diesen TCP-Port erreichen:"
LangString TEXT_PORT_WRONG ${LANG_ENGLISH} "A port is a number from 1 to 65535."
LangString TEXT_PORT_WRONG ${LANG_GERMAN} "Ein Port ist eine Zahl von 1 bis 65535."
LangString TEXT_MAIL_TITLE ${LANG_ENGLISH} "Your mail"
LangString TEXT_MAIL_TITLE ${LANG_GERMAN} "Ihre Mail"
LangString TEXT_MAIL_SUBTITLE ${LANG_ENGLISH} "Mail, configuration and passwords of the service stay unless you say otherwise."
LangString TEXT_MAIL_SUBTITLE ${LANG_GERMAN} "Mail, Konfiguration und Kennwörter des Dienstes bleiben, wenn Sie nichts anderes wählen."
LangString TEXT_MAIL ${LANG_ENGLISH} "Delete them, with all mail that waits (cannot be undone)"
LangString TEXT_MAIL ${LANG_GERMAN} "Löschen, mit aller wartenden Mail (lässt sich nicht rückgängig machen)"
LangString TEXT_IN_USE ${LANG_ENGLISH} "Gatepost is open. Close it, then try again."
LangString TEXT_IN_USE ${LANG_GERMAN} "Gatepost ist geöffnet. Schließen Sie es und versuchen Sie es noch einmal."
LangString TEXT_SERVICE_FAILED ${LANG_ENGLISH} "The service could not be set up; the details say why. The program itself is installed."
LangString TEXT_SERVICE_FAILED ${LANG_GERMAN} "Der Dienst konnte nicht eingerichtet werden; die Details sagen, warum. Das Programm ist installiert."
LangString TEXT_SERVICE_STAYS ${LANG_ENGLISH} "The service could not be removed; the details say why. Nothing was removed."
LangString TEXT_SERVICE_STAYS ${LANG_GERMAN} "Der Dienst konnte nicht entfernt werden; die Details sagen, warum. Es wurde nichts entfernt."
LangString TEXT_FIREWALL_FAILED ${LANG_ENGLISH} "The firewall rule could not be added."
LangString TEXT_FIREWALL_FAILED ${LANG_GERMAN} "Die Firewall-Regel konnte nicht angelegt werden."
LangString TEXT_PROGRAM ${LANG_ENGLISH} "Program"
LangString TEXT_PROGRAM ${LANG_GERMAN} "Programm"
LangString TEXT_SERVICE ${LANG_ENGLISH} "Windows service"
LangString TEXT_SERVICE ${LANG_GERMAN} "Windows-Dienst"
LangString TEXT_MENU ${LANG_ENGLISH} "Start menu"
LangString TEXT_MENU ${LANG_GERMAN} "Startmenü"

; --- what is wanted ---

Function .onInit
  SetRegView 64
  SetShellVarContext all
  ReadRegStr $0 HKLM "${UNINSTALL_KEY}" "InstallLocation"
  ${If} $0 != ""
    StrCpy $Upgrade "1"
    ${If} $INSTDIR == "$PROGRAMFILES64\Gatepost"
      StrCpy $INSTDIR $0
    ${EndIf}
    ReadRegDWORD $1 HKLM "${UNINSTALL_KEY}" "HasService"
    ${If} $1 == 1
      StrCpy $HasService "1"
    ${EndIf}
  ${EndIf}
  ${GetParameters} $R0
  Call ChooseService
  ClearErrors
  ${GetOptions} $R0 "/FIREWALL=" $FirewallPort
  ${If} ${Errors}
    StrCpy $FirewallPort ""
  ${Else}
    Push $FirewallPort
    Call IsPort
    Pop $0
    ${If} $0 != "1"
      SetErrorLevel 3
      Abort
    ${EndIf}
  ${EndIf}
FunctionEnd

; The text on the stack becomes "1" when it is a port, else "0".
Function IsPort
  Exch $0
  IntOp $1 $0 + 0
  ${If} $0 == "$1"
  ${AndIf} $1 > 0
  ${AndIf} $1 < 65536
    StrCpy $0 "1"
  ${Else}
    StrCpy $0 "0"
  ${EndIf}
  Exch $0
FunctionEnd

Function AskForPort
  !insertmacro MUI_HEADER_TEXT "$(TEXT_PORT_TITLE)" "$(TEXT_PORT_SUBTITLE)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateCheckbox} 0 0 100% 12u "$(TEXT_PORT)"
  Pop $Tick
  ${NSD_CreateNumber} 12u 18u 40u 12u "25"
  Pop $Field
  nsDialogs::Show
FunctionEnd

Function TakePort
  StrCpy $FirewallPort ""
  ${NSD_GetState} $Tick $0
  ${If} $0 == ${BST_CHECKED}
    ${NSD_GetText} $Field $FirewallPort
    Push $FirewallPort
    Call IsPort
    Pop $0
    ${If} $0 != "1"
      MessageBox MB_OK|MB_ICONEXCLAMATION "$(TEXT_PORT_WRONG)"
      Abort
    ${EndIf}
  ${EndIf}
FunctionEnd

; A program that runs cannot be written to, and not be deleted. An app that is open is told of before anything has changed.
!macro REFUSE_WHILE_APP_IS_OPEN
  ${If} ${FileExists} "$INSTDIR\gatepost.exe"
    ClearErrors
    FileOpen $R2 "$INSTDIR\gatepost.exe" a
    ${If} ${Errors}
      !insertmacro SAY_IN_USE
    ${EndIf}
    FileClose $R2
  ${EndIf}
!macroend

; The relay gets a minute and a half to finish what it holds. One that goes on has not been the service: that is started again.
!macro STOP_RELAY
  ${If} $HasService == "1"
    nsExec::ExecToLog '${RELAY} service stop'
    Pop $0
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\gatepost-relay.exe"
    ${For} $R1 1 90
      ClearErrors
      FileOpen $R2 "$INSTDIR\gatepost-relay.exe" a
      ${IfNot} ${Errors}
        FileClose $R2
        ${Break}
      ${EndIf}
      Sleep 1000
    ${Next}
    ${If} $R1 > 90
      ${If} $HasService == "1"
        nsExec::ExecToLog '${RELAY} service start'
        Pop $0
      ${EndIf}
      !insertmacro SAY_IN_USE
    ${EndIf}
  ${EndIf}
!macroend

!macro SAY_IN_USE
  MessageBox MB_OK|MB_ICONSTOP "$(TEXT_IN_USE)" /SD IDOK
  SetErrorLevel 2
  Abort
!macroend

; --- installing ---

Section "$(TEXT_PROGRAM)" PROGRAM
  SectionIn RO
  !insertmacro REFUSE_WHILE_APP_IS_OPEN
  !insertmacro STOP_RELAY
  RMDir /r "$INSTDIR\_internal" ; nothing of an older version may be left beside the new one
  SetOutPath "$INSTDIR"
  File /r "${PAYLOAD}\*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayName" "Gatepost"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\gatepost.exe"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "Publisher" "Gatepost contributors"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL_KEY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKLM "${UNINSTALL_KEY}" "EstimatedSize" $0
  ${If} $FirewallPort != ""
    Call RemoveRule
    nsExec::ExecToLog '"$SYSDIR\netsh.exe" advfirewall firewall add rule name="${RULE}" dir=in action=allow protocol=TCP localport=$FirewallPort program="$INSTDIR\gatepost-relay.exe"'
    Pop $0
    ${If} $0 != 0
      DetailPrint "$(TEXT_FIREWALL_FAILED)"
      SetErrorLevel 4
    ${Else}
      WriteRegStr HKLM "${UNINSTALL_KEY}" "FirewallPort" "$FirewallPort"
    ${EndIf}
  ${EndIf}
SectionEnd

Section "$(TEXT_SERVICE)" SERVICE
  nsExec::ExecToLog '${RELAY} service install' ; also brings one that is there up to date, and starts it
  Pop $0
  ${If} $0 != 0
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(TEXT_SERVICE_FAILED)" /SD IDOK
    SetErrorLevel 5
  ${Else}
    WriteRegDWORD HKLM "${UNINSTALL_KEY}" "HasService" 1
  ${EndIf}
SectionEnd

Section "-Choice" ; for the next upgrade
  ${If} ${SectionIsSelected} ${SERVICE}
    DeleteRegValue HKLM "${UNINSTALL_KEY}" "NoService"
  ${Else}
    WriteRegDWORD HKLM "${UNINSTALL_KEY}" "NoService" 1
  ${EndIf}
SectionEnd

Section "$(TEXT_MENU)" MENU
  CreateShortcut "$SMPROGRAMS\Gatepost.lnk" "$INSTDIR\gatepost.exe"
SectionEnd

Function ChooseService
  ${GetOptions} $R0 "/SERVICE=" $0
  ReadRegDWORD $1 HKLM "${UNINSTALL_KEY}" "NoService"
  ${If} $HasService == "1"
    SectionSetFlags ${SERVICE} 17 ; chosen and fixed: it is there already
  ${ElseIf} $0 == "no"
    SectionSetFlags ${SERVICE} 0
  ${ElseIf} $0 != "yes"
  ${AndIf} $1 == 1
    SectionSetFlags ${SERVICE} 0
  ${EndIf}
FunctionEnd

Function RemoveRule
  ReadRegStr $0 HKLM "${UNINSTALL_KEY}" "FirewallPort"
  ${If} $0 != ""
    nsExec::ExecToLog '"$SYSDIR\netsh.exe" advfirewall firewall delete rule name="${RULE}"'
    Pop $0
  ${EndIf}
FunctionEnd

; --- removing ---

Function un.onInit
  SetRegView 64
  SetShellVarContext all
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/MAIL=" $0
  StrCpy $0 $0 6 ; the uninstaller adds a word of its own behind it
  ${IfNot} ${Errors}
  ${AndIf} $0 == "delete"
    StrCpy $DeleteMail "1"
  ${EndIf}
FunctionEnd

Function un.AskForMail
  !insertmacro MUI_HEADER_TEXT "$(TEXT_MAIL_TITLE)" "$(TEXT_MAIL_SUBTITLE)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateCheckbox} 0 0 100% 12u "$(TEXT_MAIL)"
  Pop $Tick
  nsDialogs::Show
FunctionEnd

Function un.TakeMail
  StrCpy $DeleteMail ""
  ${NSD_GetState} $Tick $0
  ${If} $0 == ${BST_CHECKED}
    StrCpy $DeleteMail "1"
  ${EndIf}
FunctionEnd

Section "Uninstall"
  StrCpy $HasService ""
  ReadRegDWORD $1 HKLM "${UNINSTALL_KEY}" "HasService"
  ${If} $1 == 1
    StrCpy $HasService "1"
  ${EndIf}
  !insertmacro REFUSE_WHILE_APP_IS_OPEN
  !insertmacro STOP_RELAY
  ${If} $HasService == "1"
    nsExec::ExecToLog '${RELAY} service remove --yes'
    Pop $0
    ${If} $0 != 0
      MessageBox MB_OK|MB_ICONSTOP "$(TEXT_SERVICE_STAYS)" /SD IDOK
      SetErrorLevel 5
      Abort
    ${EndIf}
  ${EndIf}
  Delete "$INSTDIR\gatepost-relay.exe"
  Delete "$INSTDIR\gatepost.exe"
  ReadRegStr $0 HKLM "${UNINSTALL_KEY}" "FirewallPort"
  ${If} $0 != ""
    nsExec::ExecToLog '"$SYSDIR\netsh.exe" advfirewall firewall delete rule name="${RULE}"'
    Pop $0
  ${EndIf}
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR" ; only when nothing of somebody else's is left in it
  Delete "$SMPROGRAMS\Gatepost.lnk"
  DeleteRegKey HKLM "${UNINSTALL_KEY}"
  ${If} $DeleteMail == "1"
    ReadEnvStr $0 PROGRAMDATA
    ${If} $0 != ""
      RMDir /r "$0\Gatepost"
    ${EndIf}
  ${EndIf}
SectionEnd

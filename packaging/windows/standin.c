/* Stands in for gatepost-relay.exe (and for Windows' netsh.exe) when the installer is tried under Wine: writes down how it was
 * called, one line a call, and ends with the code that is asked for, after so many milliseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int wmain(void)
{
    const wchar_t *record = _wgetenv(L"GATEPOST_RECORD");
    const wchar_t *code = _wgetenv(L"GATEPOST_EXIT_CODE");
    const wchar_t *stay = _wgetenv(L"GATEPOST_STAY");
    FILE *file = record ? _wfopen(record, L"ab") : NULL;
    if (!file)
        return 99;
    fprintf(file, "%ls\n", GetCommandLineW());
    fclose(file);
    if (stay)
        Sleep(_wtoi(stay));
    return code ? _wtoi(code) : 0;
}

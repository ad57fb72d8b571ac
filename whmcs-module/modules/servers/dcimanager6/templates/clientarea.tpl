{* Plain markup that every theme can style; everything is escaped, the graph by PHP; nothing remote is asked. *}
<div class="dciflow">
{if $dciNotice}
  <p class="alert alert-info" role="status">{$dciNotice|escape:'html'}</p>
{/if}
{if $dciSteps}
  <ol class="list-unstyled list-inline" aria-label="Progress of your server">
  {foreach from=$dciSteps item=step}
    <li class="list-inline-item"{if $step.state eq 'now'} aria-current="step"{/if}>
      {if $step.state eq 'done'}<span aria-hidden="true">&#10003;</span>{elseif $step.state eq 'now'}<span aria-hidden="true">&#9679;</span>{else}<span aria-hidden="true">&#9675;</span>{/if}
      {if $step.state eq 'now'}<strong>{$step.name|escape:'html'}</strong>{else}{$step.name|escape:'html'}{/if}
      {if $step.state eq 'done'}<span class="sr-only visually-hidden">(done)</span>{/if}
    </li>
  {/foreach}
  </ol>
{/if}
{if $dciFacts}
  <table class="table">
  {foreach from=$dciFacts key=name item=value}
    <tr><th scope="row">{$name|escape:'html'}</th><td>{$value|escape:'html'}</td></tr>
  {/foreach}
  </table>
{/if}
{if $dciPower}
  <p>Power: {$dciPower|escape:'html'}</p>
{/if}
{if $dciPowerButtons}
  <form method="post" action="clientarea.php?action=productdetails" class="form-inline">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciPowerButtons|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="power">
    <input type="hidden" name="{$dciDrawnField|escape:'html'}" value="{$dciDrawnAfter|escape:'html'}">
    <button type="submit" name="command" value="reboot" class="btn btn-default btn-secondary">Reboot</button>
    <button type="submit" name="command" value="on" class="btn btn-default btn-secondary">Switch on</button>
    <button type="submit" name="command" value="off" class="btn btn-default btn-secondary">Switch off</button>
    <label><input type="checkbox" name="sure" value="1"> It stays off until I switch it on again</label>
    <button type="submit" name="command" value="look" class="btn btn-default btn-secondary">Is it on?</button>
  </form>
{/if}
{if $dciPtr}
  <form method="post" action="clientarea.php?action=productdetails" class="form-inline">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciPtr|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="setPtr">
    <label>Reverse name of <select name="address" class="form-control">
    {foreach from=$dciPtrAddresses item=address}
      <option>{$address|escape:'html'}</option>
    {/foreach}
    </select></label>
    <label>is <input type="text" name="name" class="form-control" placeholder="web1.example.com"></label>
    <button type="submit" class="btn btn-default btn-secondary">Set</button>
  </form>
{/if}
{if $dciRescue}
  <form method="post" action="clientarea.php?action=productdetails" class="form-inline">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciRescue|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="rescue">
    <input type="hidden" name="{$dciDrawnField|escape:'html'}" value="{$dciDrawnAfter|escape:'html'}">
    <button type="submit" name="command" value="start" class="btn btn-default btn-secondary">Boot the rescue system</button>
    <button type="submit" name="command" value="leave" class="btn btn-default btn-secondary">Leave the rescue system</button>
    <label><input type="checkbox" name="sure" value="1"> My server is rebooted</label>
    <p>The disks stay as they are. Its password is the one of your server's welcome mail, which is sent once more.</p>
  </form>
{/if}
{if $dciRename}
  <form method="post" action="clientarea.php?action=productdetails" class="form-inline">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciRename|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="rename">
    <label>New host name <input type="text" name="hostname" value="" autocomplete="off" class="form-control" placeholder="web1.example.com"></label>
    <button type="submit" class="btn btn-default btn-secondary">Set</button>
  </form>
{/if}
{if $dciReinstall}
  <form method="post" action="clientarea.php?action=productdetails">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciReinstall|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="reinstall">
    <input type="hidden" name="{$dciDrawnField|escape:'html'}" value="{$dciDrawnAfter|escape:'html'}">
    <p>Install the operating system anew: everything on the server is lost, and nobody can bring it back. The addresses stay, the password is a new one.</p>
    <p><label>Operating system <select name="os_template" class="form-control">
    {foreach from=$dciReinstallOs item=os}
      <option value="{$os|escape:'html'}">{$os|escape:'html'}</option>
    {/foreach}
    </select></label></p>
    <p><label>Type {$dciReinstallName|escape:'html'} to confirm <input type="text" name="hostname_typed" value="" autocomplete="off" class="form-control"></label></p>
    {if $dciReinstallKey}
      <p><label>SSH public key for the new system, or nothing <textarea name="ssh_key" rows="3" autocomplete="off" class="form-control"></textarea></label></p>
    {/if}
    <button type="submit" class="btn btn-danger">Install anew</button>
  </form>
{/if}
{if $dciSignIn}
  <p><a href="clientarea.php?action=productdetails&amp;id={$dciSignIn|escape:'url'}&amp;dosinglesignon=1" target="_blank" rel="noopener noreferrer" class="btn btn-default btn-secondary">Sign in to the panel</a></p>
{/if}
{if $dciErrands}
  <table class="table">
  {foreach from=$dciErrands item=errand}
    <tr><th scope="row">{$errand.what|escape:'html'}</th><td>{$errand.when|escape:'html'}</td><td>{$errand.state|escape:'html'}</td></tr>
  {/foreach}
  </table>
{/if}
{if isset($dciTraffic) && $dciTraffic}
  {$dciTraffic nofilter}
{/if}
{if $dciRefresh}
  <form method="post" action="clientarea.php?action=productdetails">
    {if isset($token)}<input type="hidden" name="token" value="{$token|escape:'html'}">{/if}
    <input type="hidden" name="id" value="{$dciRefresh|escape:'html'}">
    <input type="hidden" name="modop" value="custom">
    <input type="hidden" name="a" value="refresh">
    <button type="submit" class="btn btn-default btn-secondary">Refresh</button>
  </form>
{/if}
</div>

{* Plain markup that every theme can style; everything is escaped; nothing remote is asked. *}
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
